"""What the page knows of incidents: a copy that follows the log. It decides nothing, and what it holds is bounded.

It is read from the log rather than asked of triage, so that it is the same beside Kafka and inside `up`, dies with
nobody, and is rebuilt by a restart. `incidents` is compacted: to read all of it is to read each incident once, or a few
times. Of `decisions` and `pages` only the ends are read, for what comes next and why somebody was told last.
"""

from bisect import bisect_left, insort
from typing import NamedTuple

from pipeline.codec import decode
from pipeline.edge.web.latest import Latest
from pipeline.edge.web.row import Line, Place, Row
from pipeline.edge.web.said import Said
from pipeline.edge.web.silenced import Silences
from pipeline.log.entry import Entry
from schemas import Outcome
from schemas.topics import DECISIONS, INCIDENTS, OUTCOMES, PAGES, SILENCES

FOLLOWED = (INCIDENTS.name, SILENCES.name, OUTCOMES.name, PAGES.name, DECISIONS.name)
TAILS = {DECISIONS.name: 50_000, PAGES.name: 50_000}  # records of each partition
MOST_LIVE = 50_000  # beyond them the mildest is not shown, and the page says so
MOST_ABSENT = 200_000  # live ones that are not shown, of which it is known when they are over
MOST_ENDED = 10_000  # beyond them the one that was heard of longest ago is forgotten, and counted


class Listed(NamedTuple):
    """The rows in their order, and how many there are of each place."""

    rows: list[Row]
    counts: dict[Place, int]


class Live:
    """The copy. `is_current` says whether all that stood in the log at the start is in it."""

    def __init__(
        self,
        most_live: int = MOST_LIVE,
        most_ended: int = MOST_ENDED,
        most_absent: int = MOST_ABSENT,
        silences: Silences | None = None,
    ) -> None:
        self.is_current = False
        self.silences = Silences() if silences is None else silences
        self.said = Said()
        self.latest = Latest()
        self.forgotten = 0  # that are over, and no longer here
        self.most_live, self.most_ended, self.most_absent = most_live, most_ended, most_absent
        self._absent: dict[str, int] = {}  # live ones for which there is no room → the revision heard of
        self._lost_count = False
        self._live: dict[str, Row] = {}
        self._ended: dict[str, Row] = {}
        self._listed: Listed | None = None

    @property
    def absent(self) -> int:
        """How many live incidents are not here, at least."""
        return len(self._absent)

    @property
    def is_short(self) -> bool:
        """Whether there may be live incidents that are not here: in doubt, until a restart counts them anew."""
        return bool(self._absent) or self._lost_count

    def take(self, entry: Entry) -> None:
        """Take an entry of one of FOLLOWED. Raises Rejected if it is none."""
        if entry.topic == INCIDENTS.name:
            self._put(Row.of(decode(Line, entry.value)))
        elif entry.topic == DECISIONS.name:
            self.latest.take_decisions(entry)
        elif entry.topic == PAGES.name:
            self.latest.take_page(entry)
        elif entry.topic == SILENCES.name:
            self.silences.take(entry)
        else:
            self.said.hear(decode(Outcome, entry.value))

    def find(self, incident_id: str) -> Row | None:
        """The incident, if it is here."""
        return self._live.get(incident_id) or self._ended.get(incident_id)

    def listed(self) -> Listed:
        """All that is here, in order: sorted when first asked for, and kept so; whoever gets it changes nothing."""
        if self._listed is None:
            rows = sorted((*self._live.values(), *self._ended.values()), key=_order)
            counts = dict.fromkeys(Place, 0)
            for row in rows:
                counts[row.place] += 1
            self._listed = Listed(rows, counts)
        return self._listed

    def mark_of(self, row: Row) -> Outcome | None:
        """What people judge it to be."""
        return self.said.mark(row.line.incident_id, row.line.mark)

    def of_kind(self, row: Row) -> list[Row]:
        """The others whose first alert is of the same kind, the newest first."""
        found = [one for one in self.listed().rows if one.kind == row.kind and one.line.scope == row.line.scope]
        others = [one for one in found if one.line.incident_id != row.line.incident_id]
        return sorted(others, key=lambda one: -one.line.opened_at_ms) if row.kind else []

    def _put(self, row: Row) -> None:
        """Put it where it belongs, unless a later revision is there."""
        key, known = row.line.incident_id, self.find(row.line.incident_id)
        heard = self._absent.get(key, -1) if known is None else known.line.revision
        if heard > row.line.revision:
            return
        self._absent.pop(key, None)
        if known is not None:
            self._remove(known)
        self._add(row)
        if len(self._live) > self.most_live:
            self._turn_away(self.listed().rows[len(self._live) - 1])  # the live come first, the mildest last of them
        if len(self._ended) > self.most_ended:
            self._remove(next(iter(self._ended.values())))
            self.forgotten += 1

    def _turn_away(self, row: Row) -> None:
        self._remove(row)
        self._absent[row.line.incident_id] = row.line.revision
        if len(self._absent) > self.most_absent:
            del self._absent[next(iter(self._absent))]
            self._lost_count = True

    def _add(self, row: Row) -> None:
        (self._live if row.place.is_live else self._ended)[row.line.incident_id] = row
        if self._listed is not None:
            insort(self._listed.rows, row, key=_order)
            self._listed.counts[row.place] += 1

    def _remove(self, row: Row) -> None:
        del (self._live if row.place.is_live else self._ended)[row.line.incident_id]
        if self._listed is not None:
            del self._listed.rows[bisect_left(self._listed.rows, row.order, key=_order)]
            self._listed.counts[row.place] -= 1


def _order(row: Row) -> tuple[int, int, int, str]:
    return row.order
