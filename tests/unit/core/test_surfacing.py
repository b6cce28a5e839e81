"""What kept many incidents quiet ends for all of them at once: that is one page, or few, and never silence."""

from collections import Counter
from collections.abc import Sequence

import pytest

from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Control, IncidentState, Reason, Tick
from tests.scene import Told, alert, at, ms, pages, resolved
from tests.unit.test_quiet import silence

Records = Sequence[Alerts | Tick | Control]
MANY = 300


def policy(**fields: object) -> Policy:
    return Policy.model_validate({"group_by": ["host"], **fields})


def play(*several: Records, policy: Policy) -> Facts:
    return Triage(policy).step([record for records in several for record in records])


def down(number: int, severity: str = "warning", team: str = "web") -> Told:
    return alert("down", host=f"h{number}", cluster="eu", severity=severity, team=team)


def outage(count: int, start: float = 1, severity: str = "warning", team: str = "web") -> list[Records]:
    """Alerts on as many hosts, a second each, so that they are no storm by themselves."""
    return [at(start + number, down(number + round(start), severity, team)) for number in range(count)]


NIGHT = {
    "maintenance": [{"match": ['cluster="eu"'], "during": ["night"]}],
    "time_intervals": [
        {"name": "night", "time_intervals": [{"times": [{"start_time": "22:00", "end_time": "22:40"}]}]}
    ],
}


def told_once(told: Facts) -> None:
    assert pages(told) == [("trigger", "down")]
    [page] = told.pages
    details = page.payload.custom_details
    assert (details.reason, details.alert_count, details.firing) == (Reason.QUIET_ENDED, MANY, MANY)
    last = {one.incident_id: one for one in told.incidents}
    states = Counter(one.state for one in last.values())
    assert states == {IncidentState.OPEN: 1, IncidentState.MERGED: MANY - 1}
    assert {one.merged_into for one in last.values()} == {None, page.dedup_key}


@pytest.mark.parametrize("ended_s", [2000, 1500], ids=["it ends", "somebody ends it"])
def test_the_end_of_a_silence_over_many_is_one_page(ended_s: int) -> None:
    quiet, story = silence(0, 'cluster="eu"', 2000), outage(MANY)
    told_once(play(quiet, *story, silence(ended_s, 'cluster="eu"', ended_s), at(2000), policy=policy()))


def test_the_end_of_a_maintenance_window_over_many_is_one_page() -> None:
    told_once(play(*outage(MANY), at(2000), policy=policy(**NIGHT)))


def test_the_end_of_what_explained_many_is_one_page() -> None:
    rules = policy(inhibit=[{"source": ["alertname=node"], "target": ["alertname=down"]}])
    node, story, over = at(0, alert("node", host="n")), outage(MANY), at(1500, resolved("node", host="n"))
    told = play(node, *story, over, policy=rules)
    assert pages(told) == [("trigger", "node"), ("trigger", "down")]


def test_where_alerts_are_correlated_it_is_one_page_too() -> None:
    quiet, story = silence(0, 'cluster="eu"', 2000), outage(MANY)
    assert pages(play(quiet, *story, at(2000), policy=Policy())) == [("trigger", "down")]


def test_few_page_as_the_problems_that_they_are() -> None:
    told = play(silence(0, 'cluster="eu"', 2000), *outage(49), at(2000), policy=policy())
    assert pages(told) == [("trigger", "down")] * 49


def test_what_is_critical_and_what_is_another_teams_is_not_hidden_among_the_rest() -> None:
    quiet = silence(0, 'cluster="eu"', 9000)
    story = [*outage(60), *outage(3, 1000, "critical"), *outage(2, 1500, team="db")]
    told = play(quiet, *story, at(9000), policy=policy())
    found = Counter((page.payload.severity, page.payload.custom_details.team) for page in told.pages)
    assert found == {("warning", "web"): 1, ("critical", "web"): 3, ("warning", "db"): 2}


def test_what_is_to_page_at_once_does_so_on_its_own() -> None:
    rules = policy(page_now=['host="h7"'])
    told = play(silence(0, 'cluster="eu"', 2000), *outage(MANY), at(2000), policy=rules)
    assert len(told.pages) == 2
    assert sorted(page.payload.custom_details.alert_count for page in told.pages) == [1, MANY - 1]


def test_it_resolves_when_all_of_it_does_and_a_snapshot_in_between_changes_nothing() -> None:
    story = [*silence(0, 'cluster="eu"', 2000), *(r for records in outage(60) for r in records), *at(2000)]
    story += [r for n in range(60) for r in at(2001 + n, down(n + 1)._replace(status=resolved("x").status))]
    log = [*story, Tick(at_ms=ms(9000))]
    whole = Triage(policy()).step(log)
    assert pages(whole) == [("trigger", "down"), ("resolve", "down")]
    for cut in (30, 61, 62, 90):
        first = Triage(policy())
        before = first.step(log[:cut])
        after = Triage.restore(policy(), first.snapshot()).step(log[cut:])
        assert [*before.pages, *after.pages] == whole.pages
