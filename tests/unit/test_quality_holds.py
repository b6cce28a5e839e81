"""A page is put down to the alert that caused it, and a delay lasts until somebody was told of the incident."""

from typing import Any

import pytest

from benchmarks.quality.holds import Heard, heard, told_after_s
from benchmarks.quality.judged import Record, Told
from benchmarks.quality.scenes.alerts import Firing
from benchmarks.quality.scenes.telling import STARTS_AT_MS, Event


def fires(site: str, at_s: float, lasts_s: float) -> Firing:
    return Firing(at_s, at_s + lasts_s, "SiteDown", "critical", {"site": site}, "")


def events(*firings: Firing) -> list[Event]:
    both = [Event(at_s, one, over) for one in firings for at_s, over in ((one.at_s, False), (one.ends_s, True))]
    return sorted(both, key=lambda event: event.at_s)


def found(reasons: list[tuple[str, bool]], *told: tuple[float, str, str]) -> Told:
    """Decisions in one incident, and (when, reason, kind) of its pages."""
    decisions = [{"reason": reason, "paged": paged, "incident_id": "i"} for reason, paged in reasons]
    incidents: list[Record] = [
        {"incident_id": "i", "revision": n, "updated_at_ms": STARTS_AT_MS + round(at_s * 1000), "merged_into": None}
        for n, (at_s, _, _) in enumerate(told)
    ]
    pages: list[dict[str, Any]] = [
        {"dedup_key": "i", "payload": {"custom_details": {"revision": n, "reason": reason, "kind": kind}}}
        for n, (_, reason, kind) in enumerate(told)
    ]
    return Told(["i"] * len(decisions), {}, decisions, incidents, pages)


def test_what_is_held_and_soon_over_causes_no_page_and_what_lasts_causes_one() -> None:
    scene = events(fires("a", 0, 40), fires("b", 100, 900))
    told = found(
        [("held", False), ("transient", False), ("held", False), ("resolved", False)],
        (160, "hold_ended", "trigger"),
        (1060, "resolved", "resolve"),
    )
    assert heard(scene, told, "60s") == [Heard(40, False, None), Heard(900, True, 60)]


def test_a_page_for_what_flaps_is_put_down_to_its_last_firing() -> None:
    scene = events(fires("a", 0, 10), fires("a", 20, 10))
    told = found(
        [("held", False), ("transient", False), ("held", False), ("flapping", False)], (30, "hold_ended", "trigger")
    )
    assert [one.has_paged for one in heard(scene, told, "60s")] == [False, True]


@pytest.mark.parametrize(
    ("calls", "after_s"),
    [
        ([], None),
        ([(5, True)], 0),  # somebody knew already
        ([(5, True), (8, False)], None),
        ([(5, True), (8, False), (12, True)], 2),
        ([(10, True)], 0),
        ([(21, True)], None),
    ],
)
def test_a_delay_lasts_until_somebody_was_told(calls: list[tuple[float, bool]], after_s: float | None) -> None:
    assert told_after_s(fires("a", 10, 10), calls) == after_s
