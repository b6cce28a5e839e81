"""Facts are what the figures are made of: pages that told a person something, and incidents as they ended."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import NamedTuple, Self

from pipeline.errors import Misuse
from schemas import Reason, Score, Verdict

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
WEEK_MS = 7 * DAY_MS
DEEDS = frozenset({Verdict.ACKNOWLEDGED, Verdict.RESOLVED, Verdict.REASSIGNED})  # by which a person acts


class Period(NamedTuple):
    """[`from_ms`, `until_ms`)."""

    from_ms: int
    until_ms: int

    def has(self, at_ms: int) -> bool:
        """Whether the moment is in it."""
        return self.from_ms <= at_ms < self.until_ms

    def earlier(self, weeks: int) -> "Period":
        """The same, so many weeks before."""
        return Period(self.from_ms - weeks * WEEK_MS, self.until_ms - weeks * WEEK_MS)


class Week(NamedTuple):
    """A week of ISO 8601, from Monday 00:00 UTC."""

    name: str
    period: Period

    @classmethod
    def named(cls, name: str) -> Self:
        """The week `2026-W47`. Raises Misuse."""
        try:
            year, number = name.split("-W")
            monday = date.fromisocalendar(int(year), int(number), 1)
        except ValueError:
            raise Misuse(f"--week {name}: expected a week as ISO 8601 writes it, like 2026-W47") from None
        from_ms = int(datetime(monday.year, monday.month, monday.day, tzinfo=UTC).timestamp()) * 1000
        return cls(name, Period(from_ms, from_ms + WEEK_MS))

    @classmethod
    def before(cls, at_ms: int) -> Self:
        """The last week that was over at that moment."""
        year, number, _ = (datetime.fromtimestamp(at_ms / 1000, UTC) - timedelta(days=7)).isocalendar()
        return cls.named(f"{year}-W{number:02d}")


class Hours(StrEnum):
    """When a page came, by the clock of whoever got it."""

    BUSINESS = "business"  # 08-18, Monday to Friday
    OFF = "off"  # 18-22, and at weekends 08-22
    SLEEP = "sleep"  # 22-08


class Paged(NamedTuple):
    """A page that told a person something: a trigger, not a resolve or a mere update."""

    at_ms: int
    incident_id: str
    reason: str
    hours: Hours = Hours.BUSINESS  # the schedule says (`Schedule.timed`)


class Case(NamedTuple):
    """An incident as it ended, with what people did. `began_ms`: since when its first alert held, by its source."""

    incident_id: str
    opened_ms: int
    began_ms: int
    resolved_ms: int | None
    template: str
    name: str
    severity: str
    summary: str
    fingerprint: str = ""  # of its first alert
    alerts: int = 1
    events: int = 1
    labels: tuple[tuple[str, str], ...] = ()
    team: str | None = None
    service: str | None = None
    tier: str | None = None
    runbook: str | None = None
    is_paged: bool = True
    quiet: str | None = None
    is_flapping: bool = False
    score: float | None = None
    acknowledged_ms: int | None = None
    acknowledged_by: str | None = None
    mark: str | None = None
    acted_ms: int | None = None  # when a person first did something about it: acknowledged, resolved, reassigned
    scored: Score | None = None  # where it was suppressed, or would have been
    is_suppressible: bool = False  # whether `suppress: on` would have told nobody of it

    @property
    def is_actionable(self) -> bool | None:
        """Whether somebody had to act: as a person judged it, else as they acted; None: nobody can know yet.

        What is over and was neither judged nor touched needed nobody. Poor details say nothing about that.
        """
        if self.mark == Verdict.ACTIONABLE:
            return True
        if self.mark in {Verdict.NOT_ACTIONABLE, Verdict.FALSE_POSITIVE, Verdict.DUPLICATE}:
            return False
        if self.acted_ms is not None:
            return True
        return None if self.resolved_ms is None else False

    @property
    def is_suppressed(self) -> bool:
        """Whether nobody was told of it for its score alone."""
        return not self.is_paged and self.quiet == Reason.SUPPRESSED


class Counts(NamedTuple):
    """How much went in and came out in a period. An alert counts once in each incident that it was in."""

    events: int
    alerts: int
    incidents: int
    pages: int


class Facts(NamedTuple):
    """All that the figures of one period are made of, and what came before it where a figure looks back."""

    period: Period
    counts: Counts
    pages: tuple[Paged, ...]
    cases: tuple[Case, ...]  # of the period and, for what looks back, of 30 days before

    @property
    def mine(self) -> list[Case]:
        """The incidents that opened in the period."""
        return [case for case in self.cases if self.period.has(case.opened_ms)]

    def only(self, cases: Iterable[Case], pages: Iterable[Paged]) -> "Facts":
        """The same of some incidents and their pages only; how many events there were is theirs."""
        some, told = tuple(cases), tuple(pages)
        mine = [case for case in some if self.period.has(case.opened_ms)]
        counts = Counts(sum(case.events for case in mine), sum(case.alerts for case in mine), len(mine), len(told))
        return Facts(self.period, counts, told, some)
