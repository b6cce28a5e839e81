"""A fault of ours pages: whatever failed, nobody may miss what it was about."""

from pipeline.core.fingerprint import fingerprint, incident_id
from schemas import Alert, Severity, Status


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


def fault_id_of(scope: str, alert: Alert) -> str:
    """The id under which a fault pages; the same for the same event."""
    return incident_id(f"fault:{scope}", alert.fingerprint, alert.at_ms, 0)
