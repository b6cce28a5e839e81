"""With `hold: auto` a page waits as long as the past of its alert says that it pays; never what a guardrail names."""

from typing import Any

import pytest

from pipeline.core.actionability.words import held_said
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Reason, Tick
from tests.scene import alert, at, decided, pages, play, resolved

DAY_S = 86_400
NOW_S = 2 * DAY_S + 1800
RULES: dict[str, Any] = {"group_by": ("service",), "reopen_within": "1m", "suppress": "off"}
Story = list[list[Alerts | Tick]]


def policy(hold: str = "auto", **more: Any) -> Policy:
    return Policy(hold=hold, **RULES | more)


def hourly(lasts_s: float = 120, **labels: Any) -> Story:
    """For two days the disk alert fires each hour, for so long."""
    told: Story = []
    for hour in range(48):
        told.append(at(hour * 3600, alert("disk", **labels)))
        told.append(
            at(
                hour * 3600 + lasts_s,
                resolved("disk", **{name: value for name, value in labels.items() if name != "severity"}),
            )
        )
    return told


def then(past: Story, *records: list[Alerts | Tick], by: Policy | None = None) -> Facts:
    """What happens after such days, which have to be made before the records are."""
    return play(*past, *records, policy=by or policy())


DISK, OVER = alert("disk", service="shop"), resolved("disk", service="shop")


def test_what_its_past_says_is_soon_over_waits_for_that_and_pages_nobody() -> None:
    facts = then(hourly(service="shop"), at(NOW_S, DISK), at(NOW_S + 130, OVER), at(NOW_S + 3600))
    first, last = decided(facts)[-2:]
    assert (first.reason, last.reason) == (Reason.HELD, Reason.TRANSIENT)
    assert first.held is not None
    assert first.next_at_ms == first.at_ms + first.held.for_ms == first.at_ms + 210_000
    assert not facts.incidents[-1].is_paged
    assert held_said(first.held) == "held 3m30s: 95 % of its kind were gone by then (48 past alerts of this one)"


def test_what_still_fires_after_its_hold_pages() -> None:
    facts = then(hourly(service="shop"), at(NOW_S, DISK), at(NOW_S + 209), at(NOW_S + 210))
    assert facts.pages[-1].payload.custom_details.reason is Reason.HOLD_ENDED
    assert pages(facts)[-1] == ("trigger", "disk")


def test_what_lasts_long_as_a_rule_pages_at_once() -> None:
    facts = then(hourly(1800, service="shop"), at(NOW_S + 1800, DISK))
    assert (decided(facts)[-1].reason, decided(facts)[-1].held) == (Reason.OPENED, None)


def test_a_new_alert_leans_on_its_kind() -> None:
    facts = then(hourly(service="shop", host="a"), at(NOW_S, alert("disk", service="shop", host="b")))
    first = decided(facts)[-1]
    assert first.held is not None
    assert held_said(first.held).endswith("gone by then (48 past alerts of its kind, none of this one)")


def test_too_little_history_is_no_hold() -> None:
    rails = {"watched": 1}
    facts = then(hourly(service="shop")[:8], at(DAY_S, DISK), by=policy(guardrails=rails))
    assert decided(facts)[-1].reason is Reason.OPENED
    facts = then(hourly(service="shop")[:10], at(DAY_S, DISK), by=policy(guardrails=rails))
    assert decided(facts)[-1].reason is Reason.HELD


def test_a_nightly_job_waits_at_its_hour_and_not_by_day() -> None:
    story: Story = []
    for day in range(14):
        for hour, lasts_s in ((3, 540), (12, 5400), (14, 5400), (16, 5400)):
            story.append(at(day * DAY_S + hour * 3600, DISK))
            story.append(at(day * DAY_S + hour * 3600 + lasts_s, OVER))
    by_night = play(*story, at(14 * DAY_S + 3 * 3600, DISK), policy=policy())
    assert decided(by_night)[-1].reason is Reason.HELD
    by_day = play(*story, at(14 * DAY_S + 12 * 3600, DISK), policy=policy())
    assert decided(by_day)[-1].reason is Reason.OPENED


@pytest.mark.parametrize(
    ("labels", "more"),
    [
        ({"severity": "critical"}, {}),
        ({"tier": "1"}, {}),
        ({}, {"guardrails": {"always": ('service="shop"',)}}),
        ({}, {"page_now": ('service="shop"',)}),
        ({}, {"guardrails": {"watched": "30d"}}),
        ({"tier": "0", "severity": "critical"}, {"hold_critical": True}),
    ],
)
def test_what_a_guardrail_names_never_waits(labels: dict[str, Any], more: dict[str, Any]) -> None:
    facts = then(
        hourly(service="shop", **labels), at(NOW_S, alert("disk", service="shop", **labels)), by=policy(**more)
    )
    assert decided(facts)[-1].reason is Reason.OPENED


def test_what_is_critical_waits_only_where_the_policy_says_so() -> None:
    facts = then(
        hourly(service="shop", severity="critical"),
        at(NOW_S, alert("disk", service="shop", severity="critical")),
        by=policy(hold_critical=True),
    )
    assert decided(facts)[-1].reason is Reason.HELD


def test_no_page_waits_longer_than_it_may() -> None:
    facts = then(hourly(480, service="shop"), at(NOW_S, DISK))
    assert (held := decided(facts)[-1].held) is not None
    assert held.for_ms == 570_000
    for more in ({"hold_at_most": "5m"}, {"guardrails": {"max_hold": "5m"}}):
        facts = then(hourly(540, service="shop"), at(NOW_S, DISK), by=policy(**more))
        assert decided(facts)[-1].reason is Reason.OPENED  # it does not pay to wait for less


def test_what_gets_worse_while_it_waits_pages() -> None:
    worse = alert("disk", service="shop", severity="error")
    facts = then(hourly(service="shop"), at(NOW_S, DISK), at(NOW_S + 30, worse))
    assert [one.reason for one in decided(facts)[-2:]] == [Reason.HELD, Reason.SURFACED]


def test_an_incident_that_grows_pages() -> None:
    by = policy(guardrails={"grows_to": 3})
    hosts = [alert("disk", service="shop", host=f"h{n}") for n in range(3)]
    facts = then(hourly(service="shop", host="h0"), *(at(NOW_S + n, one) for n, one in enumerate(hosts)), by=by)
    assert [one.reason for one in decided(facts)[-3:]] == [Reason.HELD, Reason.HELD, Reason.SURFACED]


def test_what_joins_an_incident_that_was_paged_is_not_said_to_wait() -> None:
    facts = then(hourly(service="shop"), at(NOW_S, alert("fire", service="shop")), at(NOW_S + 1, DISK))
    assert [one.reason for one in decided(facts)[-2:]] == [Reason.OPENED, Reason.JOINED]


def flaps(every_s: int, times: int) -> Story:
    """Short firings, one after another."""
    return [
        record for n in range(times) for record in (at(NOW_S + n * every_s, DISK), at(NOW_S + n * every_s + 20, OVER))
    ]


def test_what_flaps_is_not_paged_while_each_of_its_firings_is_soon_over() -> None:
    past = hourly(service="shop")
    facts = then(past, *flaps(60, 5), at(NOW_S + DAY_S))
    assert Reason.FLAPPING in [one.reason for one in decided(facts)[-4:]]
    assert not facts.incidents[-1].is_paged


def test_what_flaps_for_longer_than_any_page_may_wait_pages_once() -> None:
    past = hourly(service="shop")
    before = len(pages(play(*past, policy=policy())))
    facts = then(past, *flaps(60, 60))
    assert [kind for kind, _ in pages(facts)[before:]] == ["trigger"]
    assert facts.pages[-1].payload.custom_details.reason is Reason.SURFACED


@pytest.mark.parametrize(("every_s", "is_paged"), [(420, True), (660, False)])
def test_what_flaps_is_as_old_as_its_last_calm_and_not_as_its_incident(every_s: int, *, is_paged: bool) -> None:
    """Only its changes keep the incident open: after a calm of `reopen_within` it would be another one without them."""
    often = Policy(**RULES | {"hold": "auto", "reopen_within": "10m"}, flapping={"stop": 0.1, "longest": "3h"})
    past = hourly(service="shop")
    before = len(pages(play(*past, policy=often)))
    first = flaps(40, 4)
    times_s = [NOW_S + n * every_s for n in range(1, 6)]
    seldom = [record for time_s in times_s for record in (at(time_s, DISK), at(time_s + 20, OVER))]
    facts = then(past, *first, *seldom, by=often)
    assert facts.incidents[-1].is_flapping
    assert len({one.incident_id for one in decided(facts)[-18:]}) == 1
    assert (len(pages(facts)) > before) == is_paged


def test_what_flaps_and_fires_on_after_its_hold_pages() -> None:
    past = hourly(service="shop")
    facts = then(past, *flaps(60, 5), at(NOW_S + 300, DISK), at(NOW_S + 1000))
    assert facts.pages[-1].payload.custom_details.reason is Reason.HOLD_ENDED


def test_a_restart_and_another_policy_go_on_with_what_was_learned() -> None:
    past, now = hourly(service="shop"), at(NOW_S, DISK)
    learned = Triage(policy("0s"))
    learned.step([record for several in past for record in several])
    restored = Triage.restore(policy(), learned.snapshot())
    [decision] = restored.step(now).decisions[0].decisions
    assert decision.held == decided(then(past, now))[-1].held
    assert decision.held is not None
