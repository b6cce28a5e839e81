"""What the gateway knows of silences and incidents, and how PagerDuty names them: a copy that follows the log.

It decides nothing: triage hears of silences in `alerts`, and would silence without this. What it holds is bounded, and
what it left out is counted.
"""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from pipeline.codec import decode
from pipeline.core.matcher import Matcher, parse_matchers
from pipeline.core.silence import REMEMBERED_MS
from pipeline.edge.gateway.known import Known
from pipeline.edge.gateway.naming import Naming
from pipeline.errors import Rejected
from pipeline.log.entry import Entry
from schemas import Incident, IncidentState, Outcome, Silence
from schemas.record import Record
from schemas.topics import INCIDENTS, OUTCOMES, SILENCES

FOLLOWED = (SILENCES.name, INCIDENTS.name, OUTCOMES.name)
MOST_SILENCES = 10_000
MOST_INCIDENTS = 100_000
MOST_BYTES = 64 * 1024 * 1024  # of incidents as they stand in the log
_OVER = frozenset({IncidentState.RESOLVED, IncidentState.MERGED})


class Listed(NamedTuple):
    """A silence, with its matchers compiled."""

    silence: Silence
    matchers: tuple[Matcher, ...]


class _Line(Record):
    """What is read of every incident; the whole of it is read only when somebody asks."""

    revision: int
    state: IncidentState
    firing: int
    unlisted: int = 0


class _Kept(NamedTuple):
    line: _Line
    value: bytes | None  # None: there was no room


class Board:
    """The copy. `is_current` says whether all that stood in the log at the start is on it."""

    def __init__(self) -> None:
        self.is_current = False
        self.naming = Naming()
        self._known = Known()
        self._silences: dict[str, Listed] = {}
        self._incidents: dict[str, _Kept] = {}
        self._bytes = 0

    def take(self, entry: Entry) -> None:
        """Put an entry of one of FOLLOWED on the board. Raises Rejected if it is none."""
        if entry.topic == SILENCES.name:
            self.put(decode(Silence, entry.value))
        elif entry.topic == OUTCOMES.name:
            self.naming.hear(decode(Outcome, entry.value))
        else:
            self._known.hear(entry.key)
            self._put_incident(entry.key, decode(_Line, entry.value), entry.value)

    def put(self, silence: Silence) -> None:
        """Put a silence on the board, unless a newer one with its id is there. Raises Rejected."""
        known = self._silences.get(silence.id)
        if known is not None and known.silence.updated_at_ms > silence.updated_at_ms:
            return
        try:
            self._silences[silence.id] = Listed(silence, parse_matchers(silence.matchers))
        except ValueError as exc:
            raise Rejected(str(exc), "matchers") from None
        if len(self._silences) > MOST_SILENCES:
            del self._silences[min(self._silences.values(), key=_end).silence.id]

    def silences(self, now_ms: int) -> list[Listed]:
        """Those that are not long over."""
        for listed in [one for one in self._silences.values() if one.silence.ends_at_ms + REMEMBERED_MS < now_ms]:
            del self._silences[listed.silence.id]
        return list(self._silences.values())

    def silence(self, silence_id: str, now_ms: int) -> Silence | None:
        """The silence with that id, if it is not long over."""
        listed = self._silences.get(silence_id)
        return listed.silence if listed and listed.silence.ends_at_ms + REMEMBERED_MS >= now_ms else None

    def incidents(self) -> Iterator[Incident]:
        """The open incidents as they are now, read one by one: it may go on in another thread."""
        values = [kept.value for kept in self._incidents.values() if kept.value is not None]
        return (decode(Incident, value) for value in values)

    def unknown(self, incident_ids: Iterable[str]) -> list[str] | None:
        """Those of these ids that no incident has, each once; None: it cannot be told of all."""
        if not self.is_current:
            return None
        has = {key: self._known.has(key) for key in incident_ids}
        return None if None in has.values() else [key for key, is_known in has.items() if not is_known]

    def unlisted(self) -> int:
        """How many alerts of open incidents are not on the board."""
        return sum(
            kept.line.unlisted if kept.value is not None else kept.line.firing for kept in self._incidents.values()
        )

    def _put_incident(self, incident_id: str, line: _Line, value: bytes) -> None:
        known = self._incidents.get(incident_id)
        if known is not None and known.line.revision > line.revision:
            return
        if known is not None:
            del self._incidents[incident_id]
            self._bytes -= len(known.value or b"")
        if line.state in _OVER or len(self._incidents) >= MOST_INCIDENTS:
            return
        has_room = self._bytes + len(value) <= MOST_BYTES
        self._bytes += len(value) if has_room else 0
        self._incidents[incident_id] = _Kept(line, value if has_room else None)


def _end(listed: Listed) -> tuple[int, str]:
    return listed.silence.ends_at_ms, listed.silence.id
