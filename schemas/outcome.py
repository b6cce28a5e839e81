"""An outcome: what people did about a page."""

from enum import StrEnum

from schemas.record import Record


class Verdict(StrEnum):
    """What was done or said about an incident."""

    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"
    REASSIGNED = "reassigned"
    ANNOTATED = "annotated"
    ACTIONABLE = "actionable"
    NOT_ACTIONABLE = "not_actionable"
    FALSE_POSITIVE = "false_positive"
    POOR_DETAILS = "poor_details"
    DUPLICATE = "duplicate"


class Outcome(Record):
    """What one person or program did about one incident."""

    incident_id: str
    verdict: Verdict
    by: str
    via: str
    at_ms: int
    note: str = ""
