"""What triage decides at once as plain duplicates is what the rule says of them one by one, and nothing else is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.columns import NEVER_MS
from pipeline.core.fingerprint import code_of
from pipeline.core.kernels import Stop
from pipeline.core.policy import Policy
from pipeline.core.scoped import ScopeTriage
from pipeline.core.triage import Triage
from pipeline.core.window import waits_ms
from schemas import Alert, Alerts, Reason, Status
from tests.laws.events import CORRELATED, POLICY, Record
from tests.laws.table_oracle import Event, Incident, OracleTable
from tests.scene import Told, alert, at

WAITS_MS = waits_ms(POLICY.rules).tolist()

few = st.builds(
    alert,
    st.sampled_from(["disk", "cpu"]),
    severity=st.sampled_from(["warning", "warning", "warning", "critical"]),
    status=st.sampled_from([*["firing"] * 8, "resolved"]),
    source=st.sampled_from(["alertmanager", "ids"]),
    lease_s=st.sampled_from([None, None, None, 0.0, 30.0, 500.0]),
    host=st.sampled_from(["h1", "h2", "h4"]),
    cluster=st.just("eu"),
)
steps = st.tuples(st.sampled_from([0, 0, 1, 1, 2, 10, 61, -30]), st.lists(few, min_size=1, max_size=4))


def oracle_of(triage: Triage) -> OracleTable:
    """The alerts that triage remembers, in the slow table."""
    table, oracle = triage._memory.table, OracleTable(1000)
    for row in table.live_rows().tolist():
        oracle.insert(table.get(row))
    return oracle


def incidents_of(triage: Triage) -> list[Incident]:
    book = triage._memory.incidents
    several = zip(book.numbers.tolist(), book.rhythms.tolist(), strict=True)
    return [Incident(*numbers, *rhythm) for numbers, rhythm in list(several)[: len(book.known)]]


def event_of(one: Alert, scope: ScopeTriage) -> Event:
    return Event(
        key=code_of(one.fingerprint) ^ scope.alerts.salt,
        at_ms=one.at_ms,
        is_firing=one.status is Status.FIRING,
        rank=one.severity.rank,
        expires_at_ms=NEVER_MS if one.expires_at_ms is None else one.expires_at_ms,
        says_resolved=one.is_state or one.source in scope.state.states,
    )


@given(story=st.lists(steps, max_size=12))
@pytest.mark.parametrize("policy", [POLICY, CORRELATED], ids=["grouped", "correlated"])
def test_triage_decides_duplicates_as_the_oracle_does(policy: Policy, story: list[tuple[int, list[Told]]]) -> None:
    now, log = 1000, list[Record]()
    for later, told in story:
        now += later
        log += at(now, *told, policy=policy)
    for cut in range(len(log)):
        triage = Triage(policy)
        triage.step(log[:cut])
        for scope in triage._scopes.values():
            rest = [alert for record in log[cut:] if isinstance(record, Alerts) for alert in record.alerts]
            compare(triage, scope, rest)


def compare(triage: Triage, scope: ScopeTriage, alerts: list[Alert]) -> None:
    """Let the oracle say what comes next in the scope; then let triage decide the same events, each in a record."""
    events, incidents, oracle = [event_of(one, scope) for one in alerts], incidents_of(triage), oracle_of(triage)
    clock = (scope.state.watermark_ms, scope.next_deadline_ms())
    found = oracle.scan(events, 0, clock, incidents, WAITS_MS)
    ids = [None if one is None else one.incident_id for one in triage._memory.incidents.known]
    records = [
        Alerts(scope=scope.state.name, raw_partition=1, raw_offset=number, alerts=(one,))
        for number, one in enumerate(alerts)
    ]

    facts = triage.step(records[: found.stop])
    decisions = [record.decisions[0] for record in facts.decisions]
    assert (facts.incidents, facts.pages) == ([], [])
    assert [(d.reason, d.paged, d.is_late, d.next_at_ms, d.incident_id) for d in decisions] == [
        (Reason.DUPLICATE, False, event.is_late, event.next_ms, ids[event.incident]) for event in events[: found.stop]
    ]
    assert found.watermark_ms == scope.state.watermark_ms
    assert oracle_of(triage).content() == oracle.content()
    assert incidents_of(triage) == incidents
    for record in records[found.stop : found.stop + 1]:
        [decided] = triage.step([record]).decisions
        is_duplicate = decided.decisions[0].reason is Reason.DUPLICATE
        assert not is_duplicate or found.why in {Stop.DEADLINE, Stop.WORSE, Stop.STRAYS}
