"""The laws of DESIGN.md that hold for every log."""

import re
from collections import Counter
from itertools import pairwise

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from pipeline.codec import encode
from pipeline.core.facets import facets
from pipeline.core.policy import Policy
from pipeline.core.triage import Facts, Triage
from schemas import Alerts, Control, Decisions, IncidentState, PageKind, Reason, Severity, Status, Tick
from tests.apart import samples
from tests.laws.events import (
    CORRELATED,
    DOUBTING,
    DOUBTING_CORRELATED,
    OTHER,
    POLICY,
    UNSCORED,
    Record,
    logs,
    policies,
)

END = Tick(at_ms=10**14)
ENDED = {IncidentState.RESOLVED, IncidentState.MERGED}


def told(facts: Facts) -> list[bytes]:
    return [encode(record) for several in facts for record in several]


def _each(log: list[Record], facts: Facts) -> list[tuple[Alerts, Decisions]]:
    """Every record of alerts with its decisions."""
    by_place = {(d.scope, d.raw_partition, d.raw_offset): d for d in facts.decisions}
    records = [record for record in log if isinstance(record, Alerts)]
    return [(one, by_place[one.scope, one.raw_partition, one.raw_offset]) for one in records]


def joined(several: list[Facts]) -> list[bytes]:
    return [line for index in range(3) for facts in several for line in map(encode, facts[index])]


@given(policies, logs(), st.lists(st.integers(0, 40)))
def test_how_the_log_is_cut_into_batches_changes_nothing(policy: Policy, log: list[Record], cuts: list[int]) -> None:
    triage = Triage(policy)
    edges = [0, *sorted(cuts), len(log)]
    assert joined([triage.step(log[a:b]) for a, b in pairwise(edges)]) == joined([Triage(policy).step(log)])


@given(policies, logs())
def test_facts_apart_are_those_of_each_record_alone(policy: Policy, log: list[Record]) -> None:
    alone = Triage(policy)
    assert [told(facts) for facts in Triage(policy).step_each(log)] == [told(alone.step([record])) for record in log]


@given(policies, logs(), st.integers(0, 40))
def test_snapshot_and_the_rest_of_the_log_are_the_whole_log(policy: Policy, log: list[Record], cut: int) -> None:
    first = Triage(policy)
    before = first.step(log[:cut])
    after = Triage.restore(None, first.snapshot()).step([*log[cut:], END])
    assert joined([before, after]) == joined([Triage(policy).step([*log, END])])


@given(policies, logs())
def test_a_snapshot_of_a_restored_state_is_the_same_snapshot(policy: Policy, log: list[Record]) -> None:
    triage = Triage(policy)
    triage.step(log)
    assert Triage.restore(None, triage.snapshot()).snapshot() == triage.snapshot()


@given(policies, logs(), st.integers(0, 40), st.sampled_from([POLICY, CORRELATED, OTHER]))
def test_where_the_log_says_that_another_policy_decides_is_the_same_as_to_be_restored_under_it(
    policy: Policy, log: list[Record], cut: int, after: Policy
) -> None:
    triage = Triage(policy)
    triage.step(log[:cut])
    at_ms = triage.watermark_ms() or 0
    triage.step([Tick(at_ms=at_ms)])  # a control moves time before it is heard
    restored = Triage.restore(after, triage.snapshot())
    is_other = triage.policy.name != after.name
    switched = triage.step([Control(at_ms=at_ms, policy=after.name, rules=after.content)])
    asked = restored.step([Control(at_ms=at_ms, policy=after.name)] if is_other else [])
    assert told(switched) == told(asked)
    assert triage.snapshot() == restored.snapshot()
    rest = [*log[cut:], END]
    assert told(triage.step(rest)) == told(restored.step(rest))


@given(policies, logs(), st.integers(0, 40), st.integers(0, 3_000_000))
def test_ticks_at_or_below_the_watermark_are_invisible(
    policy: Policy, log: list[Record], cut: int, back_ms: int
) -> None:
    before, after = log[:cut], log[cut:]
    triage = Triage(policy)
    triage.step(before)
    lowest = min((scope.state.watermark_ms or 0 for scope in triage._scopes.values()), default=0)
    tick = Tick(at_ms=max(0, lowest - back_ms))
    assert told(Triage(policy).step([*before, tick, *after])) == told(Triage(policy).step(log))


@given(policies, logs())
def test_scopes_are_independent(policy: Policy, log: list[Record]) -> None:
    together = Triage(policy).step([*log, END])
    for scope in {record.scope for record in log if isinstance(record, Alerts)}:
        alone = Triage(policy).step([r for r in [*log, END] if not isinstance(r, Alerts) or r.scope == scope])
        mine = Facts(
            [d for d in together.decisions if d.scope == scope],
            [i for i in together.incidents if i.scope == scope],
            [p for p in together.pages if p.payload.custom_details.scope == scope],
        )
        assert told(alone) == told(mine)


@given(policies, logs())
def test_the_books_balance(policy: Policy, log: list[Record]) -> None:
    facts = Triage(policy).step([*log, END])
    each = _each(log, facts)
    assert len(each) == len(facts.decisions)
    ids = {incident.incident_id for incident in facts.incidents}
    for record, decisions in each:
        for alert, decision in zip(record.alerts, decisions.decisions, strict=True):
            assert decision.fingerprint == alert.fingerprint
            assert decision.reason != "fault"
            assert decision.incident_id in ids or alert.status is Status.RESOLVED


@given(policies, logs())
def test_whoever_was_paged_is_told_the_end_and_nobody_is_told_twice(policy: Policy, log: list[Record]) -> None:
    facts = Triage(policy).step([*log, END])
    for incident_id in {incident.incident_id for incident in facts.incidents}:
        kinds = [p.payload.custom_details.kind for p in facts.pages if p.dedup_key == incident_id]
        revisions = [i.revision for i in facts.incidents if i.incident_id == incident_id]
        assert re.fullmatch("(t(u)*r)*", "".join(kind[0] for kind in kinds))
        assert revisions == list(range(1, len(revisions) + 1))
        told = [i for i in facts.incidents if i.incident_id == incident_id]
        # What people say of it later is told too, and is no second end.
        states = [None, *(i.state for i in told)]
        ends = [i for before, i in zip(states, told, strict=False) if before != i.state in ENDED]
        assert sum(i.is_paged for i in ends) == kinds.count(PageKind.RESOLVE)
        assert told[-1].state in ENDED
        if told[-1].state is IncidentState.MERGED:
            assert told[-1].merged_into in {incident.incident_id for incident in facts.incidents}


@given(policies, logs())
def test_records_made_without_checking_are_those_made_with(policy: Policy, log: list[Record]) -> None:
    facts = Triage(policy).step([*log, END])
    alerts = [record for record in log if isinstance(record, Alerts)]
    for record in [*alerts, *facts.decisions, *facts.incidents, *facts.pages]:
        checked = type(record).model_validate(record.model_dump(), strict=False)
        assert checked == record
        assert encode(checked) == encode(record)


@given(policies, logs())
def test_a_decision_that_paged_has_a_page(policy: Policy, log: list[Record]) -> None:
    facts = Triage(policy).step([*log, END])
    notices = {Reason.FLAPPING, Reason.FLAP_ENDED, Reason.STORM_ENDED, Reason.RESOLVED, Reason.EXPIRED}
    paged = Counter(d.incident_id for record in facts.decisions for d in record.decisions if d.paged)
    pages = Counter(p.dedup_key for p in facts.pages if p.payload.custom_details.reason not in notices)
    assert paged <= pages


@given(policies, logs())
def test_whatever_nothing_keeps_quiet_is_paged(policy: Policy, log: list[Record]) -> None:
    facts = Triage(policy).step(log)
    paged = {page.dedup_key for page in facts.pages}
    quiet = {Reason.HELD, Reason.TOO_FEW, Reason.MUTED, Reason.INHIBITED, Reason.SILENCED, Reason.SUPPRESSED}
    for record in facts.decisions:
        for decision in record.decisions:
            if decision.reason in quiet or decision.incident_id in paged or decision.incident_id is None:
                continue
            kept = {d.reason for r in facts.decisions for d in r.decisions if d.incident_id == decision.incident_id}
            assert kept & quiet, decision


@given(st.sampled_from([DOUBTING, DOUBTING_CORRELATED]), logs())
def test_what_is_critical_or_named_is_never_kept_quiet_for_its_score(policy: Policy, log: list[Record]) -> None:
    facts = Triage(policy).step(log)
    for record, decided in _each(log, facts):
        for alert, decision in zip(record.alerts, decided.decisions, strict=True):
            if decision.reason is Reason.SUPPRESSED:
                assert alert.severity is not Severity.CRITICAL
                assert not policy.always_pages(facets(alert))
                assert decision.score is not None
                assert decision.score < policy.page_above


@given(logs())
def test_shadow_changes_no_page_and_no_reason(log: list[Record]) -> None:
    shadow, without = (Triage(one).step([*log, END]) for one in (POLICY, UNSCORED))
    assert [page.payload.summary for page in shadow.pages] == [page.payload.summary for page in without.pages]
    assert [one.reason for record in shadow.decisions for one in record.decisions] == [
        one.reason for record in without.decisions for one in record.decisions
    ]


def test_the_same_log_gives_the_same_bytes_under_any_hash_seed_and_without_the_jit() -> None:
    outputs = samples(__name__, "PYTHONHASHSEED", ("0", "1", "4242")) | samples(__name__, "NUMBA_DISABLE_JIT", ("1",))
    assert len(outputs) == 1
    assert len(outputs.pop()) > 100_000


def sample() -> bytes:
    """The facts and snapshots of many logs, the same in every process."""
    written: list[bytes] = []

    @settings(max_examples=40, derandomize=True, deadline=None, database=None, phases=[Phase.generate])
    @given(policies, logs())
    def collect(policy: Policy, log: list[Record]) -> None:
        triage = Triage(policy)
        written.extend([*told(triage.step(log)), triage.snapshot(), *told(triage.step([END]))])

    collect()
    return b"\n".join(written)
