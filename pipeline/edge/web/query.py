"""What somebody wants to see of the list: read from an address, never refused, and one page of it found."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlencode

from pipeline.edge.web.live import Live
from pipeline.edge.web.row import Place, Row
from schemas import Severity

AT_ONCE = 50  # incidents on a page
LONGEST = 200  # characters of what is searched for
MOST_PAGES = 100_000


class Show(StrEnum):
    """Which incidents."""

    LIVE = "live"
    BURNING = "burning"
    QUIET = "quiet"
    ENDED = "ended"
    ALL = "all"

    @property
    def places(self) -> tuple[Place, ...]:
        """Where they stand."""
        return _PLACES[self]


_PLACES = {
    Show.LIVE: (Place.BURNING, Place.TAKEN, Place.QUIET, Place.CALM),
    Show.BURNING: (Place.BURNING,),
    Show.QUIET: (Place.QUIET,),
    Show.ENDED: (Place.RESOLVED, Place.MERGED),
    Show.ALL: tuple(Place),
}


class Wanted(NamedTuple):
    """What is asked for."""

    show: Show = Show.LIVE
    text: str = ""
    severity: str = ""
    judged: str = ""  # "no": only what nobody has judged
    page: int = 1

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Wanted":
        """Read an address; what means nothing is as if it were not there."""
        show, severity, page = query.get("show", ""), query.get("severity", ""), query.get("page", "")
        return cls(
            Show(show) if show in set(Show) else Show.LIVE,
            query.get("q", "").strip()[:LONGEST],
            severity if severity in set(Severity) else "",
            "no" if query.get("judged") == "no" else "",
            min(int(page), MOST_PAGES) if page.isdecimal() and len(page) < 10 and int(page) > 0 else 1,
        )

    def address(self, show: Show | None = None, page: int = 1) -> str:
        """The query that asks for a page of this, or of what else is to be shown."""
        wanted = self._replace(show=show or self.show, page=page)
        said = {
            "show": "" if wanted.show is Show.LIVE else wanted.show.value,
            "q": wanted.text,
            "severity": wanted.severity,
            "judged": wanted.judged,
            "page": "" if wanted.page == 1 else str(wanted.page),
        }
        return "?" + urlencode({name: value for name, value in said.items() if value})


class Found(NamedTuple):
    """One page of what was found."""

    rows: Sequence[Row]
    total: int
    page: int
    pages: int
    counts: dict[Show, int]


def find(live: Live, wanted: Wanted) -> Found:
    """The page of `live` that is wanted; the last one where there are not so many."""
    listed = live.listed()
    counts = {show: sum(listed.counts[place] for place in show.places) for show in Show}
    rows = [row for row in listed.rows if row.place in wanted.show.places]
    if wanted.severity:
        rows = [row for row in rows if row.line.severity == wanted.severity]
    for word in wanted.text.lower().split():
        rows = [row for row in rows if word in row.words]
    if wanted.judged:
        rows = [row for row in rows if live.mark_of(row) is None]
    pages = max(1, -(-len(rows) // AT_ONCE))
    page = min(wanted.page, pages)
    return Found(rows[(page - 1) * AT_ONCE : page * AT_ONCE], len(rows), page, pages, counts)
