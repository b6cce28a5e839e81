"""What an audit found: the sums, every kind of flaw, and for each the first few places where it was seen."""

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from schemas.sentence import Sentenced

NAMED = 5  # places named of each kind of flaw; all are counted


class Flaw(Sentenced):
    """Why the books do not balance, with a sentence for a person."""

    LOST = "lost", "events that were sent and are neither rejected nor decided"
    UNREAD = "unread", "records that retention removed before they were read"
    DOUBLED = "doubled", "events decided or rejected more than once, or in two ways"
    ALTERED = "altered", "records not decided as they stand on `alerts`"
    STRANGER = "stranger", "events decided or rejected that stand nowhere in the log"
    UNPLACED = "unplaced", "decided alerts in no incident"
    ORPHANED = "orphaned", "incidents that decisions or pages name and `incidents` does not know"
    RETOLD = "retold", "incidents told in two ways at one revision"
    UNRESOLVED = "unresolved", "pages never resolved although their incident is"
    REPAGED = "repaged", "pages triggered after their resolve although the incident never reopened"
    PAGED_TWICE = "paged_twice", "second pages for one revision of an incident"
    UNREADABLE = "unreadable", "records that cannot be read"
    NOT_DRAINED = "not_drained", "events or pages still on the way, and they should not be"


class Place(NamedTuple):
    """Where a record stands."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}[{self.partition}] at {self.offset}"


class Offender(NamedTuple):
    """One place that does not add up, and what is wrong there."""

    place: Place
    what: str


class Flaws:
    """Counts flaws, and remembers the first of each kind."""

    def __init__(self) -> None:
        self.counts: Counter[Flaw] = Counter()
        self.named: dict[Flaw, list[Offender]] = {}

    def add(self, flaw: Flaw, place: Place, what: str, count: int = 1) -> None:
        """Note `count` of a flaw at `place`."""
        self.counts[flaw] += count
        named = self.named.setdefault(flaw, [])
        if len(named) < NAMED:
            named.append(Offender(place, what))


@dataclass
class Balance:
    """The sums of an audit. In an even one `sent` = `rejected` + `decided` + `on_the_way` + `forgotten`."""

    sent: int = 0
    rejected: int = 0
    decided: int = 0
    on_the_way: int = 0
    oldest_on_the_way_ms: int | None = None  # when the oldest of them was sent
    refused: int = 0  # requests of which something stands on `alerts.rejected` alone: the gateway took none of it
    forgotten: int = 0  # events whose decision retention has removed
    earlier: int = 0  # events decided or rejected that were sent before the log's beginning
    repeated: int = 0  # outputs written again after a crash; a reader keeps the first
    lag: dict[str, int] = field(default_factory=dict)  # records that the worker has not finished, by topic
    cut: dict[str, list[int]] = field(default_factory=dict)  # partitions whose beginning retention has removed
    incidents_open: int = 0
    incidents_resolved: int = 0
    incidents_quieted: int = 0  # that nobody was told of, for their scores
    incidents_removed: int = 0  # named by decisions or pages, and removed by retention since
    pages_triggered: int = 0
    pages_updated: int = 0  # told again, of what is worse, back, repeated, or calmed down
    pages_resolved: int = 0
    pages_open: int = 0
    pages_refused: int = 0  # by PagerDuty; they stand on `alerts.rejected`
    pages_undelivered: int = 0  # incidents whose last page has not been delivered yet
    flaws: Flaws = field(default_factory=Flaws)

    @property
    def is_even(self) -> bool:
        """Whether the books balance."""
        return not self.flaws.counts.total()

    def of(self, flaw: Flaw) -> int:
        """How many of a flaw."""
        return self.flaws.counts[flaw]
