"""An explanation says what triage does, for any policy and alert: it may be short, and may not lie."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.matcher import all_match
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from pipeline.explain import Explanation, Inhibitor, explain
from schemas import Alert, Alerts, PageKind, Reason, Status, Tick
from tests.scene import EPOCH_MS, alert, identity

HOUR_MS = 3_600_000
QUIETING = {Reason.SILENCED, Reason.MUTED, Reason.HELD, Reason.TOO_FEW}

matchers = st.lists(
    st.sampled_from(['team="db"', 'team!="db"', 'team=~"db|web"', 'host="a"', 'host=""', 'host=~".+"']), max_size=2
)
times = st.sampled_from(["2023-11-14T20:00:00Z", "2023-11-14T22:30:00Z", "2023-11-15T03:00:00Z"])
rules: dict[str, st.SearchStrategy[Any]] = {
    "group_by": st.sampled_from([["host"], ["team", "host"], ["nothing"]]),
    "hold": st.sampled_from([0, "10s", "4m", "auto"]),
    "at_least": st.sampled_from([1, 1, 2]),
    "mute_during": st.lists(st.sampled_from(["night", "late", "work"]), max_size=2),
    "page_during": st.lists(st.sampled_from(["night", "late", "work"]), max_size=2),
    "resolve_after": st.sampled_from([0, "30s", "5m"]),
    "reopen_within": st.sampled_from(["1m", "10m"]),
    "repeat_after": st.sampled_from([None, "1h"]),
    "expire_after": st.sampled_from(["30m", "1d"]),
    "event_window": st.sampled_from(["5m", "2h"]),
}
INTERVALS = [
    {"name": name, "time_intervals": [{"times": [{"start_time": start, "end_time": end}]}]}
    for name, start, end in (("night", "22:00", "23:00"), ("late", "23:00", "24:00"), ("work", "08:00", "17:00"))
]
policies = st.fixed_dictionaries(
    {"time_intervals": st.just(INTERVALS)},
    optional={
        **rules,
        "routes": st.lists(
            st.fixed_dictionaries({"name": st.just("r"), "match": matchers}, optional=rules), max_size=3
        ),
        "page_now": st.lists(matchers, max_size=1),
        "silences": st.lists(
            st.fixed_dictionaries({"match": matchers}, optional={"starts_at": times, "ends_at": times}), max_size=2
        ),
        "maintenance": st.lists(
            st.fixed_dictionaries({"match": matchers, "during": st.sampled_from([["night"], ["late", "work"]])}),
            max_size=1,
        ),
        "inhibit": st.lists(
            st.fixed_dictionaries(
                {"source": matchers, "target": matchers, "equal": st.sampled_from([[], ["host"], ["zone"]])}
            ),
            max_size=2,
        ),
    },
).map(Policy.model_validate)


@st.composite
def alerts(draw: st.DrawFn, name: str = "disk") -> Alert:
    labels = draw(
        st.fixed_dictionaries(
            {}, optional={"team": st.sampled_from(["db", "web"]), "host": st.sampled_from(["a", "b"])}
        )
    )
    told = alert(name, source=draw(st.sampled_from(["alertmanager", "probe"])))._replace(labels=labels)
    at_ms = EPOCH_MS + draw(st.integers(0, 3 * HOUR_MS))
    return identity(told).model_copy(update={"at_ms": at_ms, "starts_at_ms": at_ms})


class Log:
    """A triage that is told about alerts, one record each."""

    def __init__(self, policy: Policy, *told: Alert) -> None:
        self._triage = Triage(policy)
        self._offset = 0
        self.facts = Facts([], [], [])
        for one in told:
            self.hear(one)

    def hear(self, told: Alert) -> Reason:
        self._offset += 1
        self._step(Alerts(scope="default", raw_partition=0, raw_offset=self._offset, alerts=(told,)))
        return self.facts.decisions[-1].decisions[0].reason

    def reach(self, at_ms: int) -> list[Reason]:
        """Let time go on until then. What was paged in all."""
        self._step(Tick(at_ms=at_ms))
        return [page.payload.custom_details.reason for page in self.facts.pages]

    def _step(self, record: Alerts | Tick) -> None:
        new = self._triage.step([record])
        self.facts.decisions.extend(new.decisions)
        self.facts.incidents.extend(new.incidents)
        self.facts.pages.extend(new.pages)


@given(policies, alerts())
def test_what_is_explained_is_what_is_decided(policy: Policy, told: Alert) -> None:
    found = explain(told, policy)
    log = Log(policy, told)
    decision = log.facts.decisions[0].decisions[0]
    assert found.course.decision == decision
    assert (found.alert.fingerprint, found.policy_version) == (decision.fingerprint, decision.policy_version)
    assert found.group == log.facts.incidents[0].group
    assert [one.reason for one in found.waiting][:1] == [decision.reason] * (decision.reason in QUIETING)
    assert decision.paged is (not found.waiting)


@given(policies, alerts())
def test_it_pages_when_it_was_said_and_not_before(policy: Policy, told: Alert) -> None:
    course = explain(told, policy).course
    last_ms = course.pages_at_ms if course.pages_at_ms is not None else told.at_ms + 30 * HOUR_MS
    log = Log(policy)
    for at_ms in range(told.at_ms, last_ms, 290_000):  # again and again, sooner than it could expire
        log.hear(told.model_copy(update={"at_ms": at_ms}))
    assert log.reach(last_ms - 1) == [] or last_ms == told.at_ms
    if course.pages_at_ms is None:
        return
    if last_ms == told.at_ms:
        log.hear(told)
    assert log.reach(last_ms) == [course.page_reason]
    if course.repeats_at_ms is not None:
        log.hear(told.model_copy(update={"at_ms": last_ms + 1, "expires_at_ms": course.repeats_at_ms + 1}))
        assert log.reach(course.repeats_at_ms - 1) == [course.page_reason]
        assert log.reach(course.repeats_at_ms) == [course.page_reason, Reason.REPEATED]


@given(policies, alerts())
def test_it_ends_when_it_was_said(policy: Policy, told: Alert) -> None:
    course = explain(told, policy).course
    assert course.over_at_ms is not None
    assert course.resolves_at_ms is not None
    log = Log(policy, told)
    log.reach(course.over_at_ms - 1)
    assert all(incident.firing for incident in log.facts.incidents)
    log.reach(course.resolves_at_ms)
    assert (log.facts.incidents[-1].firing, log.facts.incidents[-1].resolved_at_ms) == (0, course.resolves_at_ms)


@given(policies, alerts())
def test_its_incident_resolves_and_reopens_by_the_rule_that_was_named(policy: Policy, told: Alert) -> None:
    rule = explain(told, policy).rule
    end_ms = told.at_ms + 1
    resolved = {"status": Status.RESOLVED, "at_ms": end_ms, "ends_at_ms": end_ms}
    log = Log(policy, told, told.model_copy(update=resolved))
    resolves_ms = end_ms + rule.resolve_after_ms
    log.reach(resolves_ms + 1)
    assert log.facts.incidents[-1].resolved_at_ms == resolves_ms
    for after_ms, times_reopened in ((rule.reopen_within_ms - 1, 1), (rule.reopen_within_ms + 1, 0)):
        again = Log(policy, told, told.model_copy(update=resolved))
        at_ms = resolves_ms + after_ms
        again.hear(told.model_copy(update={"at_ms": at_ms, "starts_at_ms": at_ms}))
        assert again.facts.incidents[-1].reopened == times_reopened


@given(policies, alerts(), alerts("node"))
def test_it_is_inhibited_by_what_was_said_and_by_nothing_else(policy: Policy, told: Alert, other: Alert) -> None:
    found = explain(told, policy)
    other = other.model_copy(update={"at_ms": told.at_ms - 1, "expires_at_ms": told.at_ms + HOUR_MS})
    reason = Log(policy, other).hear(told)
    if found.waiting and found.waiting[0].reason in {Reason.SILENCED, Reason.MUTED}:
        assert reason is found.waiting[0].reason
        return
    assert (reason is Reason.INHIBITED) == any(_inhibits(other, one) for one in found.inhibitors)


def _inhibits(other: Alert, by: Inhibitor) -> bool:
    return (
        all_match(by.source, other.labels)
        and all(other.labels.get(label, "") == value for label, value in by.equal.items())
        and not (by.unlike is not None and all_match(by.unlike, other.labels))
    )


@given(policies, alerts())
def test_the_route_is_the_one_whose_every_matcher_matches(policy: Policy, told: Alert) -> None:
    found: Explanation = explain(told, policy)
    assert found.rule == policy.rules[len(found.passed)]
    assert (found.route is None) == (len(found.passed) == len(policy.routes))
    for passed in found.passed:
        assert not passed.matcher.matches(told.labels)
        assert passed.value == told.labels.get(passed.matcher.name)


@given(policies, alerts())
def test_a_resolve_is_explained_by_its_firing(policy: Policy, told: Alert) -> None:
    resolve = told.model_copy(update={"status": Status.RESOLVED, "ends_at_ms": told.at_ms, "is_state": True})
    found = explain(resolve, policy)
    assert found.is_resolve
    assert found.course == explain(told.model_copy(update={"is_state": True}), policy).course


def test_flapping_begins_with_as_many_changes_as_were_said() -> None:
    policy = Policy()
    told = identity(alert("disk"))
    found = explain(told, policy)
    log = Log(policy)
    for number in range(found.flap_changes):
        at_ms = told.at_ms + number
        over = {"status": Status.RESOLVED, "at_ms": at_ms, "ends_at_ms": at_ms}
        log.hear(told.model_copy(update=over if number % 2 else {"at_ms": at_ms, "starts_at_ms": at_ms}))
        assert log.facts.incidents[-1].is_flapping is (number == found.flap_changes - 1)
    last_ms = told.at_ms + found.flap_changes - 1
    log.reach(last_ms + found.flap_ends_after_ms + 10)
    kinds = [page.payload.custom_details.kind for page in log.facts.pages]
    assert kinds == [PageKind.TRIGGER, PageKind.UPDATE, PageKind.UPDATE]
