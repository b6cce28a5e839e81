"""The past as `pagesieve replay` wrote it: NDJSON, a line for every decision, and one each time an incident is told."""

from collections.abc import Callable, Collection, Iterator

from pipeline.answer.past import Decided, Looked, Mention, Paged
from pipeline.codec import decode
from pipeline.core.duration import Instant
from pipeline.errors import Misuse, Rejected
from schemas import Alert, Guard, Held, Incident, Reason, Score, Why
from schemas import Rejected as RejectedRecord
from schemas.record import Record

Lines = Callable[[], Iterator[bytes]]  # a file, from its beginning


class _Line(Record):
    """A line of `replay --decisions OUT`."""

    line: int
    fingerprint: str
    source_fingerprint: str | None = None
    incident_id: str | None = None
    reason: Reason
    score: float | None = None
    paged: bool
    at: Instant
    scored: Score | None = None
    guard: Guard | None = None
    held: Held | None = None
    why: Why | None = None


class FiledPast:
    """A `Past` of what a replay wrote; it knows of no pages but those that an event caused, and of no labels.

    Raises Misuse, naming file and line, where a line is not what a replay writes: it was hardly meant.
    """

    def __init__(self, names: tuple[str, str], decisions: Lines, incidents: Lines | None) -> None:
        """`names` are those of the two files, for complaints."""
        self._names = names
        self._decisions = decisions
        self._incidents = incidents
        self.looked = Looked()
        self.unreadable: set[tuple[str, int, int]] = set()

    def decisions(self, mentions: Mention) -> Iterator[Decided]:
        """See `Past`."""
        self.looked = Looked()
        for number, line in enumerate(self._decisions(), 1):
            if line.isspace():
                continue
            # All are read: a file is short beside a log, and a wrong one should be named rather than searched.
            try:
                one = decode(_Line, line)
            except Rejected as exc:
                raise Misuse(f"{self._names[0]}: line {number} is no decision of a replay: {exc}") from None
            self.looked.count(1, one.at)
            if mentions(line):
                yield Decided(
                    place=f"line:{one.line}",
                    at_ms=one.at,
                    fingerprint=one.fingerprint,
                    source_fingerprint=one.source_fingerprint,
                    incident_id=one.incident_id,
                    reason=one.reason,
                    score=one.score,
                    paged=one.paged,
                    scored=one.scored,
                    guard=one.guard,
                    held=one.held,
                    why=one.why,
                )

    def incidents(self, mentions: Mention) -> Iterator[Incident]:
        """See `Past`."""
        for number, line in enumerate(self._incidents() if self._incidents is not None else (), 1):
            if not mentions(line):
                continue
            try:
                yield decode(Incident, line)
            except Rejected as exc:
                raise Misuse(f"{self._names[1]}: line {number} is no incident of a replay: {exc}") from None

    def pages(self, mentions: Mention) -> Iterator[Paged]:
        """See `Past`."""
        del mentions
        yield from ()

    def delivered(self, incident_id: str) -> None:
        """See `Past`."""
        del incident_id

    def alerts(self, mentions: Mention) -> Iterator[Alert]:
        """See `Past`."""
        del mentions
        yield from ()

    def rejected(self, topic: str, places: Collection[tuple[int, int]]) -> Iterator[RejectedRecord]:
        """See `Past`."""
        del topic, places
        yield from ()

    def beyond(self, place: str) -> str:
        """See `Past`."""
        if not place.startswith("line:"):
            raise Misuse(f"{place} names an event on alerts.raw: in a replay's file it is line:N")
        return "the line was blank, rejected or a change (`replay --rejected` says which), or is not in the file"
