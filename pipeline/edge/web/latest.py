"""What was decided and told last of each incident, from the ends of `decisions` and `pages`; bounded, as all here."""

from typing import NamedTuple

from pipeline.codec import decode
from pipeline.log.entry import Entry
from schemas import Page, Reason
from schemas.record import Record

MOST = 60_000  # incidents; beyond them the one that was heard of longest ago is forgotten


class _Decision(Record):
    incident_id: str | None = None
    reason: Reason
    at_ms: int
    next_at_ms: int | None = None


class _Decisions(Record):
    decisions: tuple[_Decision, ...]


class Step(NamedTuple):
    """The last decision on an incident, and where on `alerts` its record stands."""

    reason: Reason
    at_ms: int
    next_at_ms: int | None
    position: tuple[int, int] | None


class Told(NamedTuple):
    """The last page that told somebody something."""

    reason: Reason
    why: str
    at_ms: int
    revision: int


class Latest:
    """The last step, and the last page, of each incident."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._steps: dict[str, Step] = {}
        self._told: dict[str, Told] = {}

    def step(self, incident_id: str) -> Step | None:
        """The last decision on it."""
        return self._steps.get(incident_id)

    def told(self, incident_id: str) -> Told | None:
        """The last page of it that told somebody something."""
        return self._told.get(incident_id)

    def take_decisions(self, entry: Entry) -> None:
        """An entry of `decisions`; what a crash wrote again, from before, changes nothing. Raises Rejected."""
        position = _position(entry)
        for one in decode(_Decisions, entry.value).decisions:
            if one.incident_id is None:
                continue
            known = self._steps.pop(one.incident_id, None)
            step = Step(one.reason, one.at_ms, one.next_at_ms, position)
            if known is not None and _is_behind(position, known.position):
                step = known
            self._steps[one.incident_id] = step
            if len(self._steps) > self._most:
                del self._steps[next(iter(self._steps))]

    def take_page(self, entry: Entry) -> None:
        """An entry of `pages`. Raises Rejected."""
        page = decode(Page, entry.value)
        details = page.payload.custom_details
        known = self._told.pop(page.dedup_key, None)
        if known is not None and (known.revision > details.revision or not details.reason.pages):
            self._told[page.dedup_key] = known
        elif details.reason.pages:
            self._told[page.dedup_key] = Told(details.reason, details.why, entry.timestamp_ms, details.revision)
        if len(self._told) > self._most:
            del self._told[next(iter(self._told))]


def _position(entry: Entry) -> tuple[int, int] | None:
    try:
        return int(entry.headers["log_partition"]), int(entry.headers["log_offset"])
    except (KeyError, ValueError):
        return None


def _is_behind(position: tuple[int, int] | None, known: tuple[int, int] | None) -> bool:
    return position is not None and known is not None and position[0] == known[0] and position[1] < known[1]
