"""The incidents of a partition by number, with what a scan of duplicates reads and writes of them in one array."""

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from pipeline.core.columns import FOREVER_MS, INCIDENT
from pipeline.core.evidence import Evidence
from schemas import Change, Reason, Severity

_FIRST = 64


class Incidents:
    """Numbers incidents. A number is given again only after `settle`, when nothing that was found still names it."""

    def __init__(self) -> None:
        self._make_numbers(np.zeros(_FIRST, INCIDENT))
        self.known: list[Open | None] = []
        # Theirs: a duplicate's decision needs no more, and every object is a cache miss.
        self.ids: list[str | None] = []
        self._free: list[int] = []
        self._left: list[int] = []

    def enter(self, incident: "Open") -> int:
        """A number for a new incident."""
        if self._free:
            number = self._free.pop()
            self.known[number], self.ids[number] = incident, incident.incident_id
        else:
            number = len(self.known)
            self.known.append(incident)
            self.ids.append(incident.incident_id)
            if number == len(self.numbers):
                self._make_numbers(np.concatenate((self.numbers, np.zeros(number, INCIDENT))))
        self.numbers[number] = (0, FOREVER_MS)
        return number

    def leave(self, number: int) -> None:
        """The incident is gone, and no alert names it."""
        self._left.append(number)

    def settle(self) -> None:
        """Whatever was found has been told: numbers that were left are free."""
        for number in self._left:
            self.known[number] = self.ids[number] = None
            self._free.append(number)
        self._left.clear()

    def _make_numbers(self, numbers: NDArray[np.void]) -> None:
        self.numbers = numbers
        self.flat = numbers.view(np.int64).data  # events, due, events, due …; one takes a third of numpy's time


@dataclass(slots=True, eq=False)
class Open:
    """An incident that has not resolved, or only so lately that it may reopen."""

    book: Incidents
    scope: str
    incident_id: str
    group: dict[str, str]
    key: str  # of the group, for look-up
    opened_at_ms: int
    grew_at_ms: int  # when it last took a new alert
    updated_at_ms: int
    severity: Severity
    team: str | None
    number: int = -1
    members: "array[int]" = field(default_factory=lambda: array("Q"))  # codes of fingerprints, in order of joining
    held: int = 0  # remembered alerts that name it
    alive: int = 0
    loud: int = 0
    loud_rank: int = -1  # the worst that any loud alert claimed since it was last open
    flapping: int = 0
    revision: int = 0
    lead: int = 0  # code of the first of its worst alerts
    lead_rank: int = -1
    paged_rank: int | None = None  # the worst that a page told of; None: nobody was paged
    paged_at_ms: int | None = None
    acknowledged_by: str | None = None
    reopened: int = 0
    note: str | None = None  # its summary, where its alerts do not tell it best
    resolved_at_ms: int | None = None
    began_ms: int = FOREVER_MS  # when the first of what fires, or has fired, in it began
    changes: tuple[Change, ...] = ()  # that were made just before it opened, newest first
    evidence: Evidence | None = None  # of what caused it, once it has more than one member
    ended_by: Reason = Reason.RESOLVED  # how the last of its alerts ended: its source said so, or said nothing more
    is_forgotten: bool = False  # it may not reopen any more

    def __post_init__(self) -> None:
        """Take a number."""
        self.number = self.book.enter(self)

    @property
    def events(self) -> int:
        """How many events its alerts have had in it."""
        return self.book.flat[2 * self.number]

    @events.setter
    def events(self, events: int) -> None:
        self.book.flat[2 * self.number] = events

    def hear(self) -> None:
        """One more event of its alerts."""
        self.book.flat[2 * self.number] += 1

    @property
    def due_ms(self) -> int | None:
        """When it resolves, repeats its page, or may no longer reopen."""
        due_ms = self.book.flat[2 * self.number + 1]
        return None if due_ms == FOREVER_MS else due_ms

    @due_ms.setter
    def due_ms(self, due_ms: int | None) -> None:
        self.book.flat[2 * self.number + 1] = FOREVER_MS if due_ms is None else due_ms
