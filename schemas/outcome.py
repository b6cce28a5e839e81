"""An outcome: what people did about a page."""

from enum import StrEnum

from pydantic import Field

from schemas.record import Record


class Verdict(StrEnum):
    """What was done or said about an incident."""

    ACKNOWLEDGED = "acknowledged"
    UNACKNOWLEDGED = "unacknowledged"
    RESOLVED = "resolved"
    REOPENED = "reopened"
    REASSIGNED = "reassigned"
    ANNOTATED = "annotated"
    ACTIONABLE = "actionable"
    NOT_ACTIONABLE = "not_actionable"
    FALSE_POSITIVE = "false_positive"
    POOR_DETAILS = "poor_details"
    DUPLICATE = "duplicate"

    @property
    def is_mark(self) -> bool:
        """Whether it judges the incident; else it is a deed."""
        return self in _MARKS

    @property
    def is_needed(self) -> bool | None:
        """Whether it says that somebody had to act; None: it does not say."""
        return _MARKS.get(self)


_MARKS = {
    Verdict.ACTIONABLE: True,
    Verdict.POOR_DETAILS: True,  # it had to be acted on, and said too little of how
    Verdict.NOT_ACTIONABLE: False,
    Verdict.FALSE_POSITIVE: False,
    Verdict.DUPLICATE: None,  # no page worth having, but what it told of may have been
}


class Outcome(Record):
    """What one person or program did about one incident. Told twice it stands there twice, with one id."""

    id: str = Field(default="", description="out1:… over what happened: the same deed told twice has the same")
    incident_id: str
    verdict: Verdict
    by: str = Field(description="the name of who did it")
    via: str = Field(description="who says so: pagerduty, api, or the name of the program that was used")
    at_ms: int = Field(description="when it was done; never later than it reached us")
    note: str = ""
    is_person: bool = Field(default=True, description="whether a person did it; a program is believed less")
    known_as: str | None = Field(default=None, description="what `via` calls the incident")
