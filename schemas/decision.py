"""A decision and its reason: what was concluded for one alert event, and why."""

from enum import StrEnum

from pydantic import Field

from schemas.record import Record


class Reason(StrEnum):
    """Why an event was decided as it was; `sentence` says it in words."""

    FAULT = "fault"
    OPENED = "opened"
    RAISED = "raised"
    JOINED = "joined"
    REFIRED = "refired"
    DUPLICATE = "duplicate"
    RESOLVED = "resolved"
    ALREADY_RESOLVED = "already_resolved"
    NEVER_FIRED = "never_fired"

    @property
    def sentence(self) -> str:
        """The reason as one sentence for a person."""
        return _SENTENCES[self]

    @property
    def pages(self) -> bool:
        """Whether an event with this reason notifies a person."""
        return self in _PAGES


_PAGES = {Reason.FAULT, Reason.OPENED, Reason.RAISED}
_SENTENCES = {
    Reason.FAULT: "Pagesieve itself failed on this event, so it pages: in doubt, page and say why.",
    Reason.OPENED: "No open incident fits it, so it opens one and pages.",
    Reason.RAISED: "It joined an open incident and is more severe than anything in it, so it pages again.",
    Reason.JOINED: "It joined an open incident that was paged already.",
    Reason.REFIRED: "It had resolved and fires again while its incident is still open.",
    Reason.DUPLICATE: "It repeats an alert that is already open and adds nothing.",
    Reason.RESOLVED: "The source says that the condition has ended.",
    Reason.ALREADY_RESOLVED: "It resolves an alert that was over already.",
    Reason.NEVER_FIRED: "It resolves an alert that was never seen firing; a resolve never opens an incident.",
}


class Decision(Record):
    """What was decided for one alert event."""

    fingerprint: str
    source_fingerprint: str | None = None
    incident_id: str | None = Field(default=None, description="null only for a resolve of something never seen firing")
    reason: Reason
    score: float | None = Field(default=None, description="actionability in [0, 1]; null: no scorer is configured")
    paged: bool = Field(description="whether this event notified a person")
    is_late: bool = Field(default=False, description="older than the watermark when it came; a flag, not a verdict")
    at_ms: int
    next_at_ms: int | None = Field(default=None, description="when something happens next if no event comes")
    policy_version: str
    model_version: str | None = None
    fingerprint_version: str


class Decisions(Record):
    """A record of `decisions`: one decision for every alert of one record of `alerts`, in its order."""

    scope: str
    raw_partition: int
    raw_offset: int
    decisions: tuple[Decision, ...]
