"""A silence, a maintenance window or a night begins over what waits unpaged: from then on that is why it is quiet."""

from collections.abc import Sequence

import pytest

from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Control, Reason, Silence, Tick
from tests.scene import alert, at, decided, ms, pages
from tests.unit.test_quiet import policy, silence

Record = Alerts | Tick | Control
DISK, DISK_OVER = alert("disk", cluster="eu"), alert("disk", cluster="eu", status="resolved")
# 22:13:20 is the scene's begin: the night begins 100 s later, and ends at 1600 s.
NIGHT = [{"name": "night", "time_intervals": [{"times": [{"start_time": "22:15", "end_time": "22:40"}]}]}]
NIGHTLY: dict[str, object] = {
    "routes": {"mute_during": ["night"]},
    "maintenance": {"maintenance": [{"match": ['cluster="eu"'], "during": ["night"]}]},
}


def planned(seconds: float, match: str, begins: float, until: float) -> list[Control]:
    """Somebody says now that there will be silence."""
    [control] = silence(begins, match, until)
    assert control.silence is not None
    said: Silence = control.silence.model_copy(update={"updated_at_ms": ms(seconds)})
    return [Control(at_ms=ms(seconds), silence=said)]


def play(*several: Sequence[Record], policy: Policy) -> Facts:
    return Triage(policy).step([record for records in several for record in records])


def quiets(facts: Facts) -> list[tuple[int, Reason | None]]:
    """What each incident says, and when: seconds."""
    return [((one.updated_at_ms - ms(0)) // 1000, one.quiet) for one in facts.incidents]


def test_what_is_held_is_silenced_from_when_a_silence_begins_that_was_said_before() -> None:
    told = play(planned(0, 'cluster="eu"', 100, 900), at(1, DISK), at(899), policy=policy(hold="5m"))
    assert decided(told)[0].next_at_ms == ms(100)
    assert quiets(told) == [(1, Reason.HELD), (100, Reason.SILENCED)]


def test_what_is_held_is_silenced_by_a_silence_that_is_said_while_it_waits() -> None:
    told = play(at(1, DISK), planned(50, 'cluster="eu"', 100, 900), at(899), policy=policy(hold="5m"))
    assert quiets(told) == [(1, Reason.HELD), (100, Reason.SILENCED)]
    told = play(at(1, DISK), silence(50, 'cluster="eu"', 900), at(899), policy=policy(hold="5m"))
    assert quiets(told) == [(1, Reason.HELD), (50, Reason.SILENCED)]
    last = play(at(1, DISK), silence(50, 'cluster="eu"', 900), at(60, DISK), at(900), policy=policy(hold="5m"))
    assert decided(last)[1].next_at_ms == ms(900)
    assert [page.payload.custom_details.reason for page in last.pages] == [Reason.QUIET_ENDED]


@pytest.mark.parametrize("how", sorted(NIGHTLY))
def test_what_is_held_is_muted_from_when_the_night_begins(how: str) -> None:
    rules: dict[str, object] = {"hold": "5m", "time_intervals": NIGHT, **NIGHTLY[how]}  # type: ignore[dict-item]  # a dict each
    told = play(at(1, DISK), at(1600), policy=policy(**rules))
    assert decided(told)[0].next_at_ms == ms(100)
    assert quiets(told) == [(1, Reason.HELD), (100, Reason.MUTED), (1600, None)]
    assert pages(told) == [("trigger", "disk")]


def test_what_waits_for_others_counts_no_more_when_its_silence_begins() -> None:
    rules = policy(at_least=2, silences=[{"match": ['host="a"'], "starts_at": "2023-11-14T22:15:00Z"}])
    told = play(
        at(1, alert("down", cluster="eu", host="a")), at(200, alert("down", cluster="eu", host="b")), policy=rules
    )
    assert quiets(told) == [(1, Reason.TOO_FEW), (100, Reason.SILENCED), (200, Reason.SILENCED)]
    assert not told.pages


def test_a_page_that_went_out_before_the_silence_began_is_resolved_in_it() -> None:
    rules = policy(repeat_after="2m")
    told = play(planned(0, 'cluster="eu"', 100, 9000), at(1, DISK), at(400), at(500, DISK_OVER), at(900), policy=rules)
    assert pages(told) == [("trigger", "disk"), ("resolve", "disk")]


def test_what_is_restored_is_silenced_when_its_silence_begins() -> None:
    rules = policy(hold="5m")
    triage = Triage(rules)
    triage.step([*planned(0, 'cluster="eu"', 100, 900), *at(1, DISK)])
    assert quiets(Triage.restore(rules, triage.snapshot()).step(at(899))) == [(100, Reason.SILENCED)]
