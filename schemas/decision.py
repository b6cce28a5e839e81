"""A decision and its reason: what was concluded for one alert event, and why."""

from enum import StrEnum

from pydantic import Field

from schemas.guard import Guard
from schemas.held import Held
from schemas.record import Record
from schemas.score import Score
from schemas.why import Why


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

    # Pages: the most severe first.
    FAULT = "fault", "Pagesieve itself failed on this event, so it pages: in doubt, page and say why.", True
    OVERFLOW = "overflow", "More alerts are open than can be remembered, so one incident pages for all new ones.", True
    OPENED = "opened", "No open incident fits it, so it opens one and pages.", True
    REOPENED = "reopened", "Its incident resolved a short while ago, so it pages again under the same id.", True
    SURFACED = "surfaced", "It is the first in its incident that nothing keeps quiet, so it pages.", True
    GROWN = "grown", "Its incident was kept quiet for its score, and has too many alerts for that by now.", True
    RAISED = "raised", "It is more severe than anything paged of its incident so far, so it pages again.", True
    STORM_BEGAN = (
        "storm_began",
        "Far more new alerts come than this scope is used to: one incident for all of them.",
        True,
    )
    # Quiet, each until something happens.
    SILENCED = "silenced", "A silence names it, so it is not paged while the silence lasts."
    MUTED = "muted", "Its route, or a maintenance window, pages nobody at this time."
    INHIBITED = "inhibited", "An alert that explains it fires, so it is not paged beside it."
    HELD = "held", "Its page waits: alerts of its route get some time to resolve by themselves."
    TOO_FEW = "too_few", "Its route pages only when more alerts of it fire at once."
    SUPPRESSED = "suppressed", "Its score says that nobody has to act: it pages only if it lasts, grows or gets worse."
    # In an incident that is open.
    OVERFLOWED = "overflowed", "More alerts are open than can be remembered, and the incident that says so was paged."
    STORM = "storm", "It came in a storm, whose one incident has been paged."
    JOINED = "joined", "It joined an open incident that was paged already."
    FLAPPING = "flapping", "It changes too often between firing and resolved: told once, and followed quietly."
    REFIRED = "refired", "It had resolved and fires again while its incident is still open."
    DUPLICATE = "duplicate", "It repeats an alert that is already open and adds nothing."
    # Over.
    TRANSIENT = "transient", "It resolved by itself before its page had to go out; nobody was paged."
    RESOLVED = "resolved", "The source says that the condition has ended."
    ALREADY_RESOLVED = "already_resolved", "It tells of a firing that was over already."
    NEVER_FIRED = "never_fired", "It resolves an alert that was never seen firing; a resolve never opens an incident."
    # Without an event: why a page went out, or an incident changed, when a deadline passed.
    EXPIRED = "expired", "Nothing more was heard of it, so it counts as over; its source did not say that it is."
    HOLD_ENDED = "hold_ended", "It did not resolve by itself within the time it was given.", True
    LASTED = "lasted", "It was kept quiet for its score, and has lasted too long for that by now.", True
    QUIET_ENDED = "quiet_ended", "What kept it quiet is over and it still fires.", True
    ENOUGH = "enough", "As many alerts of its route fire now as its route asks for.", True
    REPEATED = "repeated", "It still fires and nobody has acknowledged the page.", True
    FLAP_ENDED = "flap_ended", "It has stopped changing between firing and resolved."
    STORM_ENDED = "storm_ended", "No more new alerts come than this scope is used to."
    MERGED = "merged", "Its alerts turned out to belong to an older incident, which goes on for it."


class Decision(Record):
    """What was decided for one alert event."""

    fingerprint: str
    source_fingerprint: str | None = None
    incident_id: str | None = Field(default=None, description="null only for a resolve of something never seen firing")
    reason: Reason
    score: float | None = Field(
        default=None, description="actionability in [0, 1] of its alert, as known then; null: it is not remembered"
    )
    paged: bool = Field(description="whether this event notified a person")
    is_late: bool = Field(default=False, description="older than the watermark when it came; a flag, not a verdict")
    at_ms: int
    next_at_ms: int | None = Field(default=None, description="when something happens next if no event comes")
    policy_version: str
    model_version: str | None = None
    fingerprint_version: str
    scored: Score | None = Field(default=None, description="what the score came from, where an alert begins to fire")
    guard: Guard | None = Field(default=None, description="why it pages though its score is low, where it is")
    held: Held | None = Field(default=None, description="why its page waits, where that was learned (`hold: auto`)")
    why: Why | None = Field(default=None, description="why it joined its incident, where it was correlated")


class Decisions(Record):
    """A record of `decisions`: one decision for every alert of one record of `alerts`, in its order."""

    scope: str
    raw_partition: int
    raw_offset: int
    decisions: tuple[Decision, ...]
