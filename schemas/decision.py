"""A decision and its reason: what was concluded for one alert event, and why."""

from enum import StrEnum

from pydantic import Field

from schemas.record import Record


class Reason(StrEnum):
    """Why an event was decided as it was: `sentence` says it in words, `pages` whether it notifies a person."""

    sentence: str
    pages: bool

    def __new__(cls, value: str, sentence: str = "", pages: bool = False) -> "Reason":
        """A member with its sentence."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        member.pages = pages
        return member

    FAULT = "fault", "Pagesieve itself failed on this event, so it pages: in doubt, page and say why.", True
    OPENED = "opened", "No open incident fits it, so it opens one and pages.", True
    RAISED = "raised", "It is more severe than anything in its open incident so far, so it pages again.", True
    JOINED = "joined", "It joined an open incident that was paged already."
    REFIRED = "refired", "It had resolved and fires again while its incident is still open."
    DUPLICATE = "duplicate", "It repeats an alert that is already open and adds nothing."
    RESOLVED = "resolved", "The source says that the condition has ended."
    ALREADY_RESOLVED = "already_resolved", "It resolves an alert that was over already."
    NEVER_FIRED = "never_fired", "It resolves an alert that was never seen firing; a resolve never opens an incident."


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
