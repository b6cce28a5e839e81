"""A live alert while it is looked at: an object for one row of the table and what is packed beside it."""

from dataclasses import dataclass
from typing import Any, Protocol, Self

from pipeline.core.columns import FOREVER_MS, ROW
from pipeline.core.fingerprint import fingerprint_of
from pipeline.core.flap import FlapPolicy, FlapState, changed, ends_at_ms
from pipeline.core.incidents import Open, trace_of
from schemas import Alert, Guard, Reason, Severity

# What a row's numbers mean.
QUIETS = (None, Reason.SILENCED, Reason.MUTED, Reason.INHIBITED, Reason.HELD, Reason.TOO_FEW, Reason.SUPPRESSED)
ASKED_FOR = frozenset({Reason.SILENCED, Reason.MUTED, Reason.INHIBITED})  # what people said keeps it quiet
GUARDS = (None, *Guard)
SEVERITIES = tuple(Severity)
_QUIET_NUMBERS = {quiet: number for number, quiet in enumerate(QUIETS)}
_GUARD_NUMBERS = {guard: number for number, guard in enumerate(GUARDS)}
_SEVERITY_NUMBERS = {severity: number for number, severity in enumerate(SEVERITIES)}
INCIDENT_COLUMN = (ROW.names or ()).index("incident")  # where `columns` says the number of its incident


class Owner(Protocol):
    """Who keeps live alerts."""

    @property
    def said(self) -> "dict[int, Live]":
        """Those whose content is not packed yet, by code."""

    def unpack(self, live: "Live") -> Alert:
        """What the alert says."""


@dataclass(slots=True, eq=False)
class Live:
    """An alert that is open, or was a while ago: a row of the table while it is looked at."""

    owner: Owner
    code: int  # its fingerprint's 64 bits
    incident: Open
    rule: int  # which of the policy's rules holds for it
    severity: Severity
    starts_at_ms: int
    first_at_ms: int
    last_at_ms: int
    due_ms: int  # firing: when it is over without news; otherwise: when it is forgotten
    fired_at_ms: int  # when it last began to fire; a hold counts from here. Where it does not fire: when that ended
    is_firing: bool = True
    events: int = 1
    quiet: Reason | None = None  # why it does not page
    review_at_ms: int = FOREVER_MS  # when that may change by itself
    flap_penalty: float = 0.0
    flap_at_ms: int = 0
    is_flapping: bool = False
    flap_ends_ms: int = FOREVER_MS
    is_echo: bool = False  # it fires again only because a slower twin says what is over: no change of the condition
    is_parted: bool = False  # it has gone on to another incident: what it was here has a code of its own
    place: int = 0  # among its incident's members
    queued_ms: int = FOREVER_MS  # when its deadline comes up, which may be too early
    row: int = -1
    is_counted: bool = False  # among those that are alive
    score: float = 0.0  # actionability, as of when it began to fire
    begun_at_ms: int = 0  # when it was scored last
    hold_ms: int = 0  # how long its page waits by what was learned, from when it began to fire
    guard: Guard | None = None  # what lets it page whatever its score
    told: Alert | None = None  # what it says, where that is unpacked
    template: str | None = None  # of what it says, where that was asked for

    @classmethod
    def of_columns(
        cls, owner: Owner, at: tuple[int, int], incident: Open, numbers: tuple[Any, ...], rest: tuple[Any, ...]
    ) -> Self:
        """The alert of a row, as `columns` wrote it. `at`: (its code, its row)."""
        code, row = at
        _, last_at_ms, due_ms, review_at_ms, flap_ends_ms, score, events, _, rule, is_firing, _ = numbers
        starts_at_ms, first_at_ms, begun_at_ms, fired_at_ms, queued_ms, flap_at_ms, penalty, *others = rest
        place, hold_ms, quiet, severity, guard, *flags = others
        is_flapping, is_echo, is_parted = map(bool, flags)
        return cls(
            owner,
            code,
            incident,
            rule,
            SEVERITIES[severity],
            starts_at_ms,
            first_at_ms,
            last_at_ms,
            due_ms,
            fired_at_ms,
            bool(is_firing),
            events,
            QUIETS[quiet],
            review_at_ms,
            penalty,
            flap_at_ms,
            is_flapping,
            flap_ends_ms,
            is_echo,
            is_parted,
            place,
            queued_ms,
            row,
            bool(is_firing or is_flapping),
            score=score,
            begun_at_ms=begun_at_ms,
            hold_ms=hold_ms,
            guard=GUARDS[guard],
        )

    @property
    def alert(self) -> Alert:
        """The event that last changed it."""
        if self.told is None:
            self.told = self.owner.unpack(self)
        return self.told

    @property
    def fingerprint(self) -> str:
        """Its fingerprint."""
        return fingerprint_of(self.code ^ trace_of(self.incident.incident_id) if self.is_parted else self.code)

    @property
    def is_alive(self) -> bool:
        """Whether it keeps its incident open: what flaps is not over when it says so."""
        return self.is_firing or self.is_flapping

    @property
    def is_loud(self) -> bool:
        """Whether it is a reason to page."""
        return self.quiet is None and (self.is_firing or self.is_flapping)

    def next_ms(self) -> int:
        """When something happens to it if no event comes."""
        next_ms = self.due_ms if self.due_ms < self.review_at_ms else self.review_at_ms
        return next_ms if next_ms < self.flap_ends_ms else self.flap_ends_ms

    @property
    def flap(self) -> FlapState:
        """How much it has changed of late."""
        return FlapState(self.flap_penalty, self.flap_at_ms, self.is_flapping)

    def change(self, now_ms: int, policy: FlapPolicy) -> bool:
        """It changes between firing and resolved. Whether that makes it flap, which it did not before."""
        if not self.flap_penalty:  # its first change: one alone never is flapping
            self.flap_penalty, self.flap_at_ms = 1.0, now_ms
            return False
        was_flapping = self.is_flapping
        flap = changed(self.flap, now_ms, policy)
        self.flap_penalty, self.flap_at_ms, self.is_flapping = flap.penalty, flap.at_ms, flap.is_flapping
        self.flap_ends_ms = ends_at_ms(flap, policy) if flap.is_flapping else FOREVER_MS
        return flap.is_flapping and not was_flapping

    def columns(self, salt: int) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Its row: the columns of `ROW`, and those of `REST`."""
        numbers = (
            self.code ^ salt,
            self.last_at_ms,
            self.due_ms,
            self.review_at_ms,
            self.flap_ends_ms,
            self.score,
            self.events,
            self.incident.number,
            self.rule,
            self.is_firing,
            self.severity.rank,
        )
        return numbers, (
            self.starts_at_ms,
            self.first_at_ms,
            self.begun_at_ms,
            self.fired_at_ms,
            self.queued_ms,
            self.flap_at_ms,
            self.flap_penalty,
            self.place,
            self.hold_ms,
            _QUIET_NUMBERS[self.quiet],
            _SEVERITY_NUMBERS[self.severity],
            _GUARD_NUMBERS[self.guard],
            self.is_flapping,
            self.is_echo,
            self.is_parted,
        )

    def say(self, alert: Alert) -> None:
        """Another event has changed it."""
        self.told, self.template = alert, None
        self.severity, self.starts_at_ms = alert.severity, alert.starts_at_ms
        self.owner.said[self.code] = self
