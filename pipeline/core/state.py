"""What triage remembers of a scope, and nothing else: all of it goes into a snapshot."""

from dataclasses import dataclass, field

from pipeline.core.flap import FlapState
from pipeline.core.storm import StormState
from schemas import Alert, Reason, Severity


@dataclass(slots=True)
class Live:
    """An alert that is open, or was a while ago."""

    alert: Alert  # the event that last changed it
    incident_id: str
    is_firing: bool
    severity: Severity
    first_at_ms: int
    last_at_ms: int
    due_ms: int  # firing: when it is over without news; otherwise: when it is forgotten
    fired_at_ms: int  # when it last began to fire; a hold counts from here
    events: int = 1
    quiet: Reason | None = None  # why it does not page
    review_at_ms: int | None = None  # when that may change by itself
    flap: FlapState = field(default_factory=FlapState)
    flap_ends_ms: int | None = None
    is_echo: bool = False  # it fires again only because a slower twin says what is over: no change of the condition
    place: int = 0  # among its incident's members

    @property
    def is_alive(self) -> bool:
        """Whether it keeps its incident open: what flaps is not over when it says so."""
        return self.is_firing or self.flap.is_flapping

    @property
    def is_loud(self) -> bool:
        """Whether it is a reason to page."""
        return self.is_alive and self.quiet is None

    @property
    def next_ms(self) -> int:
        """When something happens to it if no event comes."""
        review_at_ms, flap_ends_ms = self.review_at_ms, self.flap_ends_ms
        if review_at_ms is None and flap_ends_ms is None:
            return self.due_ms
        return min(due for due in (self.due_ms, review_at_ms, flap_ends_ms) if due is not None)


@dataclass(slots=True)
class Open:
    """An incident that has not resolved, or only so lately that it may reopen."""

    incident_id: str
    group: dict[str, str]
    key: str  # of the group, for look-up
    opened_at_ms: int
    grew_at_ms: int  # when it last took a new alert
    updated_at_ms: int
    severity: Severity
    team: str | None
    members: list[str] = field(default_factory=list)  # fingerprints, in order of joining
    alive: int = 0
    loud: int = 0
    loud_rank: int = -1  # the worst that any loud alert claimed since it was last open
    flapping: int = 0
    events: int = 0
    revision: int = 0
    lead: str = ""  # fingerprint of the first of its worst alerts
    lead_rank: int = -1
    paged_rank: int | None = None  # the worst that a page told of; None: nobody was paged
    paged_at_ms: int | None = None
    acknowledged_by: str | None = None
    reopened: int = 0
    note: str | None = None  # its summary, where its alerts do not tell it best
    due_ms: int | None = None  # when it resolves, repeats its page, or may no longer reopen
    resolved_at_ms: int | None = None
    ended_by: Reason = Reason.RESOLVED  # how the last of its alerts ended: its source said so, or said nothing more


@dataclass(slots=True)
class ScopeState:
    """The state of one scope."""

    name: str
    watermark_ms: int | None = None
    alerts: dict[str, Live] = field(default_factory=dict)  # by fingerprint
    incidents: dict[str, Open] = field(default_factory=dict)  # by incident id; those that may reopen are among them
    by_group: dict[str, str] = field(default_factory=dict)  # group key → the incident that takes its new alerts
    seen: dict[int, tuple[int, int]] = field(default_factory=dict)  # raw partition → last (raw offset, part) decided
    states: dict[str, bool] = field(default_factory=dict)  # sources that have said resolved: they will again
    storm: StormState = field(default_factory=StormState)
    storm_id: str | None = None
    overflow_id: str | None = None
