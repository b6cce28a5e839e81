"""What a reviewer broke once: scenes in which states were left behind, met again, or told by another order."""

from typing import Any

import pytest

from pipeline.core.policy import Policy
from pipeline.core.triage import Triage
from schemas import Alerts, Decision, Reason, Status, Tick
from tests.scene import Told, alert, at, decided, ms, resolved

WORDS = ["aaa", "bbb", "ccc", "ddd", "eee", "fff", "ggg", "hhh", "iii", "jjj", "kkk", "lll"]


def event(name: str, **labels: Any) -> Told:
    return alert(name, source="syslog", **labels)


def test_a_storm_leaves_nothing_behind_of_what_was_placed_together() -> None:
    policy = Policy.model_validate({"storm": {"floor": 5}})
    triage = Triage(policy)
    names = [f"{chr(65 + n)}{chr(97 + n) * 4}" for n in range(20)]
    for n in range(0, 20, 2):
        triage.step(at(n / 2, *(event(name, host=f"h{name}") for name in names[n : n + 2]), policy=policy))
    [late] = decided(triage.step(at(12, event("Back", host=f"h{names[-1]}"), policy=policy)))
    assert late.reason is Reason.STORM, "no incident of one that was sheltered takes it"
    triage.step([Tick(at_ms=ms(10 * 86_400))])
    assert triage.next_deadline_ms() is None


def test_what_was_placed_together_is_forgotten_before_the_next_record_however_they_are_cut() -> None:
    policy = Policy(max_live_alerts=1)
    lease, taken, other = alert("Zebra", host="hz", lease_s=300), event("Xylo", host="hx"), event("Yak", host="hy")
    told: list[tuple[float, list[Told]]] = [(0, [lease]), (1, [event("Opener", host="ho")]), (2, [taken]), (2, [other])]
    told += [(3, [taken, other, lease]), (4, [lease]), (400, [taken])]
    records = [record for seconds, several in told for record in at(seconds, *several, policy=policy)]
    one_by_one = Triage(policy)
    apart: list[Decision] = [decision for record in records for decision in decided(one_by_one.step([record]))]
    assert decided(Triage(policy).step(records)) == apart


def test_an_alert_of_two_monitors_that_flapped_does_not_flap_for_ever() -> None:
    triage = Triage(Policy())
    triage.step(at(0, event("LinkFlap", host="h1")))
    for n in range(4):
        triage.step(at(100 + 20 * n, alert("LinkFlap", began_s=100 + 20 * n, host="h1")))
        triage.step(at(110 + 20 * n, resolved("LinkFlap", host="h1")))
    triage.step(at(400, event("LinkFlap", host="h1")))
    triage.step([Tick(at_ms=ms(400 + 30 * 86_400))])
    assert triage.next_deadline_ms() is None


def test_an_alert_that_leaves_an_incident_twice_leaves_one_trace() -> None:
    """It leaves the first, comes back when the second merges into that, and leaves it again."""
    policy = Policy(reopen_within=60, resolve_after=30)
    triage = Triage(policy)

    def tell(seconds: float, one: Told) -> str | None:
        [decision] = decided(triage.step(at(seconds, one, policy=policy)))
        return decision.incident_id

    for n, word in enumerate(WORDS):
        tell(-5000 + n, alert(f"Warm{word.title()}", pod=f"p{word}", ns=f"n{word}"))
        tell(-4000 + n, resolved(f"Warm{word.title()}", pod=f"p{word}", ns=f"n{word}"))
    where: dict[str, Any] = {"host": "hostaa", "zone": "zz1"}
    first = tell(0, alert("DiskFull", **where))
    assert tell(1, alert("DiskSlowly", **where)) == first
    tell(2, resolved("DiskSlowly", **where))
    tell(100, alert("DiskBroken", **where))
    second = tell(148, alert("SlowlyGoing", host="hostbb"))
    assert tell(150, alert("DiskSlowly", began_s=150, **where)) == second != first
    for n in range(14):
        tell(151 + n, alert(f"Pod{'abcdefghijklmn'[n] * 3}", zone="zz1", pod=f"bx{n}q"))
    assert tell(180, resolved("DiskSlowly", **where)) == first
    assert tell(2000, alert("DiskSlowly", began_s=2000, **where)) != first
    assert Triage.restore(policy, triage.snapshot()).snapshot() == triage.snapshot()


def test_of_two_homes_as_good_the_older_is_taken_also_after_a_restart() -> None:
    policy = Policy()
    triage = Triage(policy)
    for n, word in enumerate(WORDS):
        triage.step(at(-5000 + n * 50, event(f"Warm{word.title()}", pod=f"p{word}", ns=f"n{word}"), policy=policy))
    near, slow = event("SlowlyGoing", host="hostbb"), event("DiskSlowly", host="hostaa")
    full, home = event("DiskFull", host="hostaa"), event("HomeGoing", host="hostbb")
    for seconds, one in ((0, near), (0.1, full), (0.2, slow), (9, home), (9.1, slow), (12, full), (12, near)):
        triage.step(at(seconds, one, policy=policy))
    again = Triage.restore(policy, triage.snapshot())
    rest = [*at(12.4, event("Other", host="q"), policy=policy), *at(13, slow, policy=policy)]
    assert decided(triage.step(rest)) == decided(again.step(rest))


@pytest.mark.parametrize("ended_at_ms", [1 << 63, -(1 << 80)])
def test_an_end_that_no_clock_can_tell_is_a_fault_and_changes_nothing(ended_at_ms: int) -> None:
    triage = Triage(Policy(resolve_after=0))
    triage.step(at(0, alert("Disk", cluster="eu")))
    [record] = at(10, resolved("Disk", cluster="eu"))
    assert isinstance(record, Alerts)
    [bad] = decided(
        triage.step([record.altered(alerts=tuple(a.altered(ends_at_ms=ended_at_ms) for a in record.alerts))])
    )
    assert bad.reason is Reason.FAULT
    facts = triage.step([*at(20, resolved("Disk", cluster="eu")), Tick(at_ms=ms(30))])
    assert [one.reason for one in decided(facts)] == [Reason.RESOLVED]
    assert (facts.incidents[-1].firing, facts.incidents[-1].resolved_at_ms) == (0, ms(20))


@pytest.mark.parametrize("order", [(0, 1, 2), (1, 2, 0)])
def test_an_outage_that_comes_back_in_one_body_is_paged_once_whichever_alert_stands_first(
    order: tuple[int, ...],
) -> None:
    said = [
        alert("NodeDown", severity="critical", node="n1", cluster="c1", zone="z1"),
        *[alert("NodeNotReady", pod=pod, node="n1", cluster="c1", zone="z1") for pod in "ab"],
    ]
    over = [one._replace(status=Status.RESOLVED) for one in said]
    back = [said[number] for number in order]
    triage = Triage(Policy())
    triage.step([*at(0, said[0]), *at(5, said[1]), *at(10, said[2]), *at(3000, *over), *at(3400)])
    facts = triage.step([*at(3450, *back)])
    assert decided(facts)[0].reason is Reason.REOPENED
    assert [page.payload.custom_details.reason for page in facts.pages] == [Reason.REOPENED]
