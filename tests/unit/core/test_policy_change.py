"""A snapshot that goes on under another policy: what is quiet is asked again, once the log says so."""

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest

from pipeline.core import memory
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Control, Reason, Tick
from tests.scene import Told, alert, at, decided, ms, pages, resolved

Records = Sequence[Alerts | Tick | Control]

NODE = alert("Node", kind="node", cluster="eu")
POD = alert("Pod", severity="critical", kind="pod", cluster="us")
ALWAYS = [{"name": "always", "time_intervals": [{}]}]
KEPT_QUIET: dict[str, dict[str, Any]] = {
    "silenced": {"silences": [{"match": ['kind="pod"']}]},
    "muted": {"maintenance": [{"match": ['kind="pod"'], "during": ["always"]}], "time_intervals": ALWAYS},
    "inhibited": {"inhibit": [{"source": ['kind="node"'], "target": ['kind="pod"']}]},
    "held": {"routes": [{"name": "pods", "match": ['kind="pod"'], "hold": "4h"}]},
    "too_few": {"routes": [{"name": "pods", "match": ['kind="pod"'], "at_least": 3}]},
}
WHY = {"held": "hold_ended", "too_few": "enough"}  # the others: what kept it quiet is over


def policy(**fields: object) -> Policy:
    return Policy.model_validate({"group_by": ["cluster"], **fields})


def changed(seconds: float, to: Policy) -> list[Control]:
    """What the driver writes into the log behind a snapshot of another policy."""
    return [Control(at_ms=ms(seconds), policy=to.name)]


def go_on(before: Policy, said: Records, after: Policy) -> Triage:
    """What `before` decided until now goes on under `after`."""
    triage = Triage(before)
    triage.step(said)
    return Triage.restore(after, triage.snapshot())


def why(facts: Facts) -> list[tuple[str, str]]:
    return [(page.payload.summary.split()[0], page.payload.custom_details.reason.value) for page in facts.pages]


@pytest.mark.parametrize("quiet", KEPT_QUIET)
def test_what_the_old_policy_kept_quiet_pages_when_the_new_one_does_not(quiet: str) -> None:
    before, after = policy(**KEPT_QUIET[quiet]), policy()
    assert [one.reason for one in decided(Triage(before).step([*at(0, NODE), *at(1, POD)]))] == ["opened", quiet]
    triage = go_on(before, [*at(0, NODE), *at(1, POD)], after)
    assert why(triage.step(changed(1, after))) == [("Pod", WHY.get(quiet, "quiet_ended"))]
    assert not triage.step([*changed(1, after), *at(2)]).pages, "and nothing pages twice"


@pytest.mark.parametrize("quiet", KEPT_QUIET)
def test_what_is_quiet_by_the_new_policy_too_stays_so(quiet: str) -> None:
    before, after = policy(**KEPT_QUIET[quiet]), policy(**KEPT_QUIET[quiet], team_label="owner")
    triage = go_on(before, [*at(0, NODE), *at(1, POD)], after)
    facts = triage.step(changed(1, after))
    assert (facts.pages, facts.incidents) == ([], [])


@pytest.mark.parametrize("quiet", KEPT_QUIET)
def test_what_is_over_is_not_asked(quiet: str) -> None:
    before, after = policy(**KEPT_QUIET[quiet]), policy()
    over = resolved("Pod", kind="pod", cluster="us")
    triage = go_on(before, [*at(0, NODE), *at(1, POD), *at(2, over)], after)
    assert not triage.step([*changed(2, after), *at(600)]).pages


@pytest.mark.parametrize("quiet", KEPT_QUIET)
def test_what_was_paged_stays_so_though_the_new_policy_would_keep_it_quiet(quiet: str) -> None:
    after = policy(**KEPT_QUIET[quiet])
    triage = go_on(policy(), [*at(0, NODE), *at(1, POD)], after)
    facts = triage.step([*changed(1, after), *at(2, POD)])
    assert (facts.pages, [one.reason for one in decided(facts)]) == ([], ["duplicate"])


@pytest.mark.parametrize("waits", ["held", "too_few"])
def test_what_is_to_page_now_does_not_wait(waits: str) -> None:
    before = policy(**KEPT_QUIET[waits])
    after = policy(**KEPT_QUIET[waits], page_now=[['kind="pod"']])
    triage = go_on(before, at(1, POD), after)
    assert why(triage.step(changed(1, after))) == [("Pod", "quiet_ended")]


@pytest.mark.parametrize(("before", "after", "ends_s"), [("4h", "1m", 61), ("1m", "4h", 4 * 3600 + 1)])
def test_a_hold_ends_when_the_new_policy_says(before: str, after: str, ends_s: float) -> None:
    rules = policy(hold=after)
    triage = go_on(policy(hold=before), at(1, POD), rules)
    assert not triage.step([*changed(1, rules), *at(ends_s - 0.001)]).pages
    assert why(triage.step(at(ends_s))) == [("Pod", "hold_ended")]


def test_a_window_ends_when_the_new_policy_says() -> None:
    def nights(until: str) -> Policy:
        named = [{"name": "nights", "time_intervals": [{"times": [{"start_time": "22:00", "end_time": until}]}]}]
        return policy(mute_during=["nights"], time_intervals=named)

    rules = nights("22:30")
    triage = go_on(nights("24:00"), at(0, POD), rules)  # at 22:13:20
    assert not triage.step([*changed(0, rules), *at(999.999)]).pages
    assert why(triage.step(at(1000))) == [("Pod", "quiet_ended")]


def test_as_many_as_the_new_policy_asks_for_are_enough() -> None:
    def several(count: int) -> Policy:
        return policy(at_least=count)

    pods: list[Told] = [alert("Pod", cluster="eu", pod=f"p{n}") for n in range(3)]
    for asked, told in ((3, [("Pod", "enough")]), (4, [])):
        triage = go_on(several(5), at(0, *pods), several(asked))
        assert why(triage.step(changed(0, several(asked)))) == told


def test_one_reason_may_take_the_place_of_another() -> None:
    before, after = policy(**KEPT_QUIET["too_few"]), policy(**KEPT_QUIET["muted"])
    facts = go_on(before, at(1, POD), after).step(changed(1, after))
    assert (facts.pages, [one.quiet for one in facts.incidents]) == ([], ["muted"])


def test_it_is_the_log_that_says_when_and_not_the_start_of_a_process() -> None:
    before, after = policy(**KEPT_QUIET["inhibited"]), policy()
    log = [*at(0, NODE), *at(1, POD)]
    triage = go_on(before, log, after)
    assert not triage.step(at(3600, POD)).pages
    snapshot = triage.snapshot()
    rest = [*changed(3600, after), *at(3700, resolved("Pod", kind="pod", cluster="us"))]
    told = triage.step(rest)
    assert pages(told) == [("trigger", "Pod")]
    assert Triage.restore(after, snapshot).step(rest) == told


def test_many_are_asked_as_one_is() -> None:
    storm = {"floor": 200}  # so that they page each on its own
    before, after = policy(**KEPT_QUIET["inhibited"], storm=storm), policy(storm=storm)
    said = [at(0, NODE), *(at(60 * n, alert("Pod", kind="pod", cluster=f"c{n}")) for n in range(150))]
    triage = go_on(before, list(chain.from_iterable(said)), after)
    assert why(triage.step(changed(60 * 150, after))) == [("Pod", "quiet_ended")] * 150
    again = Triage.restore(after, triage.snapshot())
    assert again.snapshot() == triage.snapshot()


def test_a_control_that_holds_the_policy_makes_it_decide_and_asks_again() -> None:
    before, after = policy(**KEPT_QUIET["silenced"]), policy(group_by=["alertname"])
    triage = Triage(before)
    triage.step(at(1, POD))
    told = [Control(at_ms=ms(1), policy=after.name, rules=after.content)]
    facts = triage.step([*told, *at(2, alert("Job", kind="job", cluster="us"))])
    assert why(facts) == [("Pod", "quiet_ended"), ("Job", "opened")]
    assert [one.policy_version for one in decided(facts)] == [after.name]
    assert triage.step(told) == Facts([], [], []), "it decides already"
    assert Triage.restore(None, triage.snapshot()).policy == after


def test_a_control_whose_policy_cannot_be_read_changes_nothing_and_pages() -> None:
    triage = Triage(policy())
    triage.step(at(1, POD))
    [page] = triage.step([Control(at_ms=ms(1), policy="p9:strange", rules='{"from_the_future":1}')]).pages
    assert page.payload.custom_details.reason is Reason.FAULT
    assert triage.policy == policy()


def test_a_policy_may_ask_for_room_for_another_number_of_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LEAST_ROWS", 1)
    before, after = policy(max_live_alerts=5000), policy(max_live_alerts=8000)
    pods = [alert("Pod", cluster="eu", pod=f"p{n}") for n in range(40)]
    triage = Triage(before)
    triage.step([*at(0, *pods), *at(1, *(resolved("Pod", cluster="eu", pod=f"p{n}") for n in range(0, 40, 3)))])
    triage.step([*changed(2, after), Control(at_ms=ms(2), policy=after.name, rules=after.content)])
    assert triage._memory.table.limit == 16_000
    again = Triage.restore(None, triage.snapshot())
    rest = [*at(3, *pods[::2]), *at(900), *at(901, *pods)]
    assert triage.step(rest) == again.step(rest)
