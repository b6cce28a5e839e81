"""An incident as one line of the page: what of its record is read, where it stands in the list, and what comes next."""

from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

import orjson
from pydantic import Field

from pipeline.codec import tight
from pipeline.core.facets import facets
from pipeline.core.shown import LONGEST, is_whole
from pipeline.edge.web.latest import Step, Told
from schemas import IncidentState, Outcome, Reason, Severity, Status
from schemas.record import Record

LONGEST_WORDS = 1500  # characters of an incident that can be searched
LONGEST_FACETS = 16 * 1024  # bytes of the labels of one incident; beyond them its alerts count as not silenced


class _Member(Record):
    name: str
    template: str = ""
    labels: dict[str, str] = Field(default_factory=dict)
    severity: Severity = Severity.UNKNOWN
    status: Status = Status.FIRING


class Line(Record):
    """What is read of an incident's record; the whole of it is read only by who asks for its story."""

    incident_id: str
    revision: int
    state: IncidentState
    scope: str
    opened_at_ms: int
    updated_at_ms: int
    resolved_at_ms: int | None = None
    severity: Severity
    is_paged: bool = True
    quiet: Reason | None = None
    acknowledged_by: str | None = None
    outcome: Outcome | None = None
    mark: Outcome | None = None
    is_flapping: bool = False
    merged_into: str | None = None
    score: float | None = None
    is_suppressible: bool = False
    team: str | None = None
    summary: str
    alerts: int
    firing: int
    events: int
    members: tuple[_Member, ...] = ()


class Place(IntEnum):
    """Where in the list: what burns and nobody has taken first."""

    BURNING = 0
    TAKEN = 1
    QUIET = 2
    CALM = 3
    RESOLVED = 4
    MERGED = 5

    @property
    def is_live(self) -> bool:
        """Whether it is not over."""
        return self < Place.RESOLVED


class Row(NamedTuple):
    """One incident."""

    line: Line  # without its members
    place: Place
    kind: str  # the template of its first alert
    words: str  # what can be searched, in lower case
    facets: tuple[bytes, ...]  # as JSON, what silences see of each alert that is listed and fires

    @classmethod
    def of(cls, line: Line) -> "Row":
        """The row of what was told last."""
        first = line.members[0] if line.members else None
        kind = (first.template or first.name) if first is not None else ""
        place = _place(line)
        seen = tuple(_facets(line)) if place < Place.CALM else ()
        return cls(line.altered(members=()), place, kind, _words(line), seen)

    @property
    def order(self) -> tuple[int, int, int, str]:
        """Sorts the list: by place, the worst first, the newest first."""
        line = self.line
        if not self.place.is_live:
            return (Place.RESOLVED, 0, -(line.resolved_at_ms or line.updated_at_ms), line.incident_id)
        return (self.place, -line.severity.rank, -line.opened_at_ms, line.incident_id)


class Next(NamedTuple):
    """What happens if nothing comes; `at_ms` is when, where that is known. `text` has `{}` where the time belongs."""

    text: str
    at_ms: int | None


def next_of(row: Row, step: Step | None, now_ms: int, *, repeats: bool) -> Next | None:
    """What comes next of an incident; None where it is over. `repeats`: some pages come again unacknowledged."""
    line = row.line
    if not row.place.is_live:
        return None
    at_ms = step.next_at_ms if step is not None and step.next_at_ms is not None else None
    if at_ms is None or at_ms < now_ms:
        return _without_time(row, repeats=repeats and row.place is not Place.TAKEN)
    if not line.firing:
        text = "resolves {} if nothing of it fires again"
    elif not line.is_paged:
        text = _SOME_TIME if line.quiet is None else _QUIET.get(line.quiet, _SOME_TIME)
    elif line.is_flapping:
        text = "is looked at again {}: it flaps"
    elif repeats and row.place is not Place.TAKEN:
        text = "pages again, or counts as over, {}"
    else:
        text = "counts as over {} if nothing more is heard of it"
    return Next(text, at_ms)


def why_of(row: Row, step: Step | None, told: Told | None) -> tuple[str, str]:
    """Why it was paged, or was not: the reason's name, and its sentence."""
    if not row.line.is_paged:
        quiet = row.line.quiet
        return ("not paged", "") if quiet is None else (f"not paged: {_named(quiet)}", quiet.sentence)
    if told is not None:
        return f"paged: {_named(told.reason)}", told.why
    if step is not None and step.reason.pages:
        return f"paged: {_named(step.reason)}", step.reason.sentence
    return "paged", ""


def _without_time(row: Row, *, repeats: bool) -> Next:
    line = row.line
    if not line.firing:
        return Next("resolves soon if nothing of it fires again", None)
    if line.is_paged:
        again = "may page again until somebody acknowledges; " if repeats else ""
        return Next(f"{again}ends when its alerts resolve", None)
    return Next("stays quiet until it lasts, grows, gets worse or what keeps it quiet ends", None)


_OVER = "or counts as over if nothing more is heard of it"
_SOME_TIME = "is looked at again {}"
_QUIET = {
    Reason.HELD: "pages {} unless it resolves before",
    # Of the two it is what comes first: a decision says when it is, and not which.
    Reason.SILENCED: f"pages {{}} if its silence ends then, {_OVER}",
    Reason.MUTED: f"pages {{}} if its quiet time ends then, {_OVER}",
    Reason.SUPPRESSED: f"pages {{}} if it lasts until then, {_OVER}",
    Reason.TOO_FEW: "is looked at again {}; pages when more like it fire",
    Reason.INHIBITED: "is looked at again {}; pages when what explains it ends first",
}


def _named(reason: Reason) -> str:
    return reason.value.replace("_", " ")


def _place(line: Line) -> Place:
    if line.state is IncidentState.MERGED:
        return Place.MERGED
    if line.state is IncidentState.RESOLVED:
        return Place.RESOLVED
    if not line.firing:
        return Place.CALM
    if not line.is_paged:
        return Place.QUIET
    return Place.TAKEN if line.state is IncidentState.ACKNOWLEDGED else Place.BURNING


def _facets(line: Line) -> Iterator[bytes]:
    """Packed: 50,000 incidents are kept, and a few of them are looked at."""
    room = LONGEST_FACETS
    for member in line.members:
        # A silence is compared with all that an alert says: of one that is cut it may say the opposite.
        if member.status is Status.FIRING and is_whole(member.labels) and len(member.name) < LONGEST:
            packed = tight(orjson.dumps(facets(member)))
            room -= len(packed)
            if room < 0:
                return
            yield packed


def _words(line: Line) -> str:
    parts = [line.incident_id, line.summary, line.team or "", line.scope, line.acknowledged_by or ""]
    for member in line.members:
        parts.append(member.name)
        parts += [f"{label}={value}" for label, value in member.labels.items()]
    return " ".join(dict.fromkeys(parts))[:LONGEST_WORDS].lower()
