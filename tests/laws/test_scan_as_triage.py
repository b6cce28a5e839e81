"""What a scan does to duplicates is what triage does to them one by one, and it leaves to triage all that is more."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.columns import FOREVER_MS, INCIDENT, NEVER_MS, Batch, Incidents, Row, new_batch
from pipeline.core.facets import facets
from pipeline.core.kernels import Stop
from pipeline.core.scoped import ScopeTriage
from pipeline.core.table import LiveTable
from pipeline.core.triage import Triage
from schemas import Alert, Alerts, Decision, Reason, Status
from tests.laws.events import POLICY, Record
from tests.scene import Told, alert, at

# Waited for: by rule, then by whether the source says resolved.
WAITS_MS = np.array([[max(rule.event_window_ms, rule.hold_ms + 1), rule.expire_after_ms] for rule in POLICY.rules])


def key_of(fingerprint: str) -> int:
    return int(fingerprint.removeprefix("fp1:"), 16)


def table_of(scope: ScopeTriage) -> LiveTable:
    """The alerts of a scope as triage has them."""
    table, numbers = LiveTable(100), sorted(scope.state.incidents)
    for fingerprint, live in scope.state.alerts.items():
        table.insert(
            Row(
                key=key_of(fingerprint),
                last_at_ms=live.last_at_ms,
                due_ms=live.due_ms,
                review_at_ms=FOREVER_MS if live.review_at_ms is None else live.review_at_ms,
                flap_ends_ms=FOREVER_MS if live.flap_ends_ms is None else live.flap_ends_ms,
                events=live.events,
                starts_at_ms=live.alert.starts_at_ms,
                incident=numbers.index(live.incident_id) if live.incident_id in numbers else -1,
                rule=POLICY.rule_of(facets(live.alert)),
                is_firing=live.is_firing,
                rank=live.severity.rank,
            )
        )
    return table


def incidents_of(scope: ScopeTriage) -> Incidents:
    known = scope.state.incidents
    due_ms = [FOREVER_MS if known[one].due_ms is None else known[one].due_ms for one in sorted(known)]
    return np.array(list(zip((known[one].events for one in sorted(known)), due_ms, strict=True)), INCIDENT)


def batch_of(alerts: list[Alert], scope: ScopeTriage) -> Batch:
    batch = new_batch(len(alerts))
    for event, one in zip(batch, alerts, strict=True):
        event["key"] = key_of(one.fingerprint)
        event["at_ms"] = one.at_ms
        event["expires_at_ms"] = NEVER_MS if one.expires_at_ms is None else one.expires_at_ms
        event["says_resolved"] = one.is_state or one.source in scope.state.states
        event["is_firing"] = one.status is Status.FIRING
        event["rank"] = one.severity.rank
    return batch


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


@given(st.lists(steps, max_size=12))
def test_a_scan_decides_duplicates_as_triage_does(story: list[tuple[int, list[Told]]]) -> None:
    now, log = 1000, list[Record]()
    for later, told in story:
        now += later
        log += at(now, *told, policy=POLICY)
    for cut in range(len(log)):
        triage = Triage(POLICY)
        triage.step(log[:cut])
        for scope in triage._scopes.values():
            rest = [alert for record in log[cut:] if isinstance(record, Alerts) for alert in record.alerts]
            compare(triage, scope, rest)


def compare(triage: Triage, scope: ScopeTriage, alerts: list[Alert]) -> None:
    """Scan what came next in the scope; then let triage decide the same events, each in a record of its own."""
    table, batch = table_of(scope), batch_of(alerts, scope)
    names, incidents = sorted(scope.state.incidents), incidents_of(scope)
    found = table.scan(batch, 0, (scope.state.watermark_ms, scope.next_deadline_ms()), incidents, WAITS_MS)
    records = [
        Alerts(scope=scope.state.name, raw_partition=1, raw_offset=number, alerts=(one,))
        for number, one in enumerate(alerts)
    ]

    facts = triage.step(records[: found.stop])
    decisions = [record.decisions[0] for record in facts.decisions]
    rows = batch["row"].tolist()
    assert (facts.incidents, facts.pages) == ([], [])
    assert decisions == [
        found_by(decision, event, names[table.columns.incident[row]])
        for decision, event, row in zip(decisions, batch, rows, strict=False)
    ]
    assert found.watermark_ms == scope.state.watermark_ms
    assert content(table) == content(table_of(scope))
    assert incidents.tolist() == incidents_of(scope).tolist()
    for record in records[found.stop : found.stop + 1]:
        [decided] = triage.step([record]).decisions
        is_duplicate = decided.decisions[0].reason is Reason.DUPLICATE
        assert not is_duplicate or found.why in {Stop.DEADLINE, Stop.WORSE}


def found_by(decision: Decision, event: np.void, incident_id: str) -> Decision:
    """The decision that the scan's findings make."""
    found = {"is_late": bool(event["is_late"]), "next_at_ms": int(event["next_ms"]), "incident_id": incident_id}
    return decision.model_copy(update={"reason": Reason.DUPLICATE, "paged": False, **found})


def content(table: LiveTable) -> list[Row]:
    return [table.get(row) for row in table.live_rows()]
