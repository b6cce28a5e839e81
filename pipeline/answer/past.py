"""The past is what was recorded: read as a stream, as often as needed, and never kept but for what is asked about."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from schemas import Alert, Guard, Held, Incident, PageKind, Reason, Rejected, Score, Why

# Whether a record, by its bytes, may be about what is asked for. To look for an id takes a tenth of decoding it.
Mention = Callable[[bytes], bool]
_IDS = re.compile(rb"(?:inc|fp)\d+:[0-9a-f]+")


class Decided(NamedTuple):
    """One decision, and where its event stands. What a replay's line does not say is None."""

    place: str  # PARTITION:OFFSET on `alerts.raw`, or line:N
    at_ms: int
    fingerprint: str
    source_fingerprint: str | None
    incident_id: str | None
    reason: Reason
    score: float | None
    paged: bool
    why: Why | None
    scored: Score | None = None
    guard: Guard | None = None
    held: Held | None = None
    is_late: bool = False
    next_at_ms: int | None = None
    policy_version: str | None = None
    model_version: str | None = None
    position: tuple[int, int] | None = None  # of the record of `alerts` that was decided


class Paged(NamedTuple):
    """One page of an incident, and what became of it; `position` as in `Decided`."""

    incident_id: str
    revision: int
    kind: PageKind
    reason: Reason
    why: str
    at_ms: int  # when it was written
    position: tuple[int, int] | None
    place: tuple[int, int]  # on `pages`


@dataclass(slots=True)
class Looked:
    """How much was looked through: the decisions, and from when to when they are."""

    decisions: int = 0
    from_ms: int | None = None
    to_ms: int | None = None
    is_cut: bool = False  # retention has removed the beginning

    def count(self, decisions: int, at_ms: int) -> None:
        """So many more, at that time."""
        self.decisions += decisions
        self.from_ms = at_ms if self.from_ms is None else min(self.from_ms, at_ms)
        self.to_ms = at_ms if self.to_ms is None else max(self.to_ms, at_ms)


class Past(Protocol):
    """Records of the past. Every call reads from the beginning, and may leave out what `mentions` denies."""

    looked: Looked  # by the last `decisions` that was read to its end
    unreadable: set[tuple[str, int, int]]  # the first places of records that may be about it, and cannot be read

    def decisions(self, mentions: Mention) -> Iterator[Decided]:
        """The decisions, each once, in the order in which they were made within a scope."""
        ...

    def incidents(self, mentions: Mention) -> Iterator[Incident]:
        """The incidents as they were told, maybe at several revisions, in any order."""
        ...

    def pages(self, mentions: Mention) -> Iterator[Paged]:
        """The pages, maybe some twice."""
        ...

    def delivered(self, incident_id: str) -> int | None:
        """The revision up to which the incident's pages were delivered; None if that is not recorded here."""
        ...

    def alerts(self, mentions: Mention) -> Iterator[Alert]:
        """The alert events, in order within a scope."""
        ...

    def rejected(self, topic: str, places: Collection[tuple[int, int]]) -> Iterator[Rejected]:
        """What was rejected of what stands at these places of `topic`, maybe some twice."""
        ...

    def beyond(self, place: str) -> str:
        """Why nothing is known of an event at `place`, if that can be told; else empty. Raises Misuse.

        Misuse: this past does not name events so.
        """
        ...


def mentions_any(ids: Collection[str]) -> Mention:
    """Whether one of these whole ids of ours stands in a record."""
    known = frozenset(one.encode() for one in ids)
    return lambda value: not known.isdisjoint(_IDS.findall(value))


def mentions_text(text: str) -> Mention:
    """Whether the text, which needs no escapes in JSON, stands in a record."""
    part = text.encode()
    return lambda value: part in value


def mentions_number(field: str, number: int) -> Mention:
    """Whether a field of this name has this value in a record."""
    pattern = re.compile(rb'"%b":\s*%d\b' % (field.encode(), number))
    return lambda value: pattern.search(value) is not None


def everything(_: bytes) -> bool:
    """Every record may be about it."""
    return True
