"""How incidents are told is kept for so many members and no more; what was dropped is made anew, and says the same."""

import random

import pytest

from pipeline.core import listing
from pipeline.core.alerts import LiveAlerts
from pipeline.core.incident import add
from pipeline.core.incidents import Open
from pipeline.core.listing import Listings
from pipeline.core.live import Live
from pipeline.core.memory import Memory
from pipeline.core.state import ScopeState
from schemas import Severity
from tests.scene import alert, at, play, resolved
from tests.unit.core.kinds import kind


def test_what_is_dropped_is_told_as_if_it_were_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    chance = random.Random(1)  # noqa: S311  # a scene, no secret
    log = []
    for second in range(300):
        says = resolved if chance.random() < 0.3 else alert
        log.append(at(second, *(says(f"a{n}", cluster=f"c{n % 7}") for n in chance.sample(range(30), 3))))
    kept = play(*log)
    monkeypatch.setattr(listing, "MOST_KEPT", 4)
    assert play(*log) == kept


def test_no_more_members_are_kept_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "MOST_KEPT", 10)
    memory = Memory(100)
    alerts = LiveAlerts(memory, ScopeState("s"))
    listings = Listings(alerts, max_listed=5)
    incidents = [Open(memory.incidents, "s", f"inc1:{n}", {}, "", 0, 0, 0, Severity.ERROR, None) for n in range(8)]
    for code in range(40):
        incident = incidents[code % 8]
        live = Live(alerts, code, incident, 0, Severity.ERROR, 0, 0, 0, 0, 0, told=kind(f"n{code}"))
        alerts.add(live, None)
        add(incident, live, 0)
        incident.lead = code if not live.place else incident.lead
        listings.renew(incident, live)
        listings.of(incident)
        assert len(listings) <= 10
