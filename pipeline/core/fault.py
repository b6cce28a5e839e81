"""A fault of ours pages: whatever failed, nobody may miss what it was about."""

from pipeline.core.fingerprint import fingerprint, incident_id
from pipeline.core.page import fault_page
from pipeline.core.policy import Policy
from pipeline.core.run import Decided, decided
from pipeline.core.tell import Facts
from schemas import Alert, Alerts, Decision, Decisions, Page, Reason, Severity, Status


def ours(scope: str, at_ms: int) -> Alert:
    """The alert about ourselves: a deadline of the scope could not be handled."""
    name = "PagesieveFault"
    return Alert(
        source="pagesieve",
        name=name,
        labels={"alertname": name, "scope": scope},
        annotations={"summary": "a deadline could not be handled; a page may be missing: look at the open incidents"},
        severity=Severity.CRITICAL,
        status=Status.FIRING,
        at_ms=at_ms,
        starts_at_ms=at_ms,
        fingerprint=fingerprint(name, {"scope": scope}, ()),
    )


def fault_of(alert: Alert, error: str, context: tuple[str, Policy]) -> tuple[Decided, Page | None]:
    """The decision on an event on which we failed, and its page if it fires; `context` is (scope, policy).

    Its id is the same for the same event, so that what is repeated pages once.
    """
    scope, policy = context
    if alert.status is not Status.FIRING:
        return decided(alert, Reason.FAULT, None, policy.name), None
    fault_id = incident_id(f"fault:{scope}", alert.fingerprint, alert.at_ms, 0)
    return decided(alert, Reason.FAULT, fault_id, policy.name), fault_page(alert, fault_id, error, context)


def facts_of_fault(record: Alerts, error: str, policy: Policy) -> Facts:
    """What a record leads to of which nothing could be decided: all of it pages."""
    told = [fault_of(alert, error, (record.scope, policy)) for alert in record.alerts]
    decisions = Decisions(
        scope=record.scope,
        raw_partition=record.raw_partition,
        raw_offset=record.raw_offset,
        decisions=tuple(Decision.owning_each([decision for decision, _ in told])),
    )
    return Facts([decisions], [], [page for _, page in told if page is not None])
