"""The incidents of a partition by number, with what a scan of duplicates reads and writes of them in one array."""

from array import array
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from pipeline.core.columns import FOREVER_MS, INCIDENT, RHYTHM, Homes
from pipeline.core.evidence import Evidence
from pipeline.core.overflow import Overflow
from schemas import Change, Outcome, Reason, Score, Severity

_FIRST = 64


class Incidents:
    """Numbers incidents. A number is given again only after `settle`, when nothing that was found still names it."""

    def __init__(self) -> None:
        self._make_numbers(np.zeros(_FIRST, INCIDENT))
        self._make_rhythms(np.zeros(_FIRST, RHYTHM))
        self.known: list[Open | None] = []
        # Theirs: a duplicate's decision needs no more, and every object is a cache miss; a batch's are taken at once,
        # so that their misses overlap.
        self.ids = np.full(_FIRST, None, np.object_)
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
            if number == len(self.numbers):
                self._make_numbers(np.concatenate((self.numbers, np.zeros(number, INCIDENT))))
                self._make_rhythms(np.concatenate((self.rhythms, np.zeros(number, RHYTHM))))
                self.ids = np.concatenate((self.ids, np.full(number, None, np.object_)))
            self.ids[number] = incident.incident_id
        flat, rhythm = self.flat, self.flat_rhythms
        flat[2 * number], flat[2 * number + 1] = 0, FOREVER_MS
        rhythm[3 * number], rhythm[3 * number + 1], rhythm[3 * number + 2] = 0, 0, FOREVER_MS
        return number

    @property
    def homes(self) -> Homes:
        """What a scan reads and writes of them."""
        return self.numbers, self.rhythms

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

    def _make_rhythms(self, rhythms: NDArray[np.void]) -> None:
        self.rhythms = rhythms
        self.flat_rhythms = rhythms.view(np.int64).data  # likewise: beat, beats, stray, beat …


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
    score: float | None = None  # the highest of its alerts, since it was last open
    scored: Score | None = None  # that of the one that began to fire with the highest
    begun_at_ms: int = 0  # when the first of its states began to fire since it was calm, or the last of its events
    is_spared: bool = False  # something in it may not be kept quiet for its score
    is_quieted: bool = False  # it counts among those that are kept quiet, or would be
    number: int = -1
    members: "array[int]" = field(default_factory=lambda: array("Q"))  # codes of fingerprints, in order of joining
    parted: int = 0  # how many of its members are traces of alerts that have gone on elsewhere
    held: int = 0  # remembered alerts that name it
    alive: int = 0
    loud: int = 0
    loud_rank: int = -1  # the worst that any loud alert claimed since it was last open
    loud_lead: int = 0  # code of the first of these, if it is remembered
    flapping: int = 0
    revision: int = 0
    lead: int = 0  # code of the first of its worst alerts
    lead_rank: int = -1
    paged_rank: int | None = None  # the worst that a page told of; None: nobody was paged
    paged_at_ms: int | None = None
    acknowledged_by: str | None = None
    outcome: Outcome | None = None  # what was done about it last
    mark: Outcome | None = None  # what it was judged to be last
    reopened: int = 0
    quiet: Reason | None = None  # why the worst of its alerts was kept quiet last, since it was last open
    note: str | None = None  # its summary, where its alerts do not tell it best
    resolved_at_ms: int | None = None
    began_ms: int = FOREVER_MS  # when the first of what fires, or has fired, in it began
    changes: tuple[Change, ...] = ()  # that were made just before it opened, newest first
    evidence: Evidence | None = None  # of what caused it, once it has more than one member
    overflow: Overflow | None = None  # its alerts that are not remembered
    ended_by: Reason = Reason.RESOLVED  # how the last of its alerts ended: its source said so, or said nothing more
    merged_into: str | None = None  # the incident that goes on for it
    is_forgotten: bool = False  # it may not reopen any more
    is_correlated: bool = False  # `group` is what its alerts have in common so far, not what they were chosen by
    template: int = 0  # the key of that of the alert that opened it; 0: it takes what is of many
    profile: int | None = None  # the number of its profile, while it takes newcomers by likeness

    def __post_init__(self) -> None:
        """Take a number."""
        self.number = self.book.enter(self)

    @property
    def alerts(self) -> int:
        """How many alerts it has had, as far as they are known."""
        return len(self.members) + (0 if self.overflow is None else self.overflow.alerts)

    @property
    def worst(self) -> tuple[int, int]:
        """How bad the worst is of which people are to hear, if there is any, and the code of the first of these."""
        if self.loud_rank < 0 or self.overflow is not None:
            return self.lead_rank, self.lead
        return self.loud_rank, self.loud_lead

    @property
    def firing(self) -> int:
        """How many of them were alive when it was last told."""
        return self.alive + (0 if self.overflow is None else self.overflow.firing(self.updated_at_ms))

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

    @property
    def beat_ms(self) -> int:
        """When it was last heard of."""
        return self.book.flat_rhythms[3 * self.number]

    @property
    def beats(self) -> int:
        """How often it was heard of; repeats in quick succession count once."""
        return self.book.flat_rhythms[3 * self.number + 1]

    @property
    def stray_ms(self) -> int:
        """After so long a silence an event of its alerts looks for its incident anew; FOREVER_MS: never."""
        return self.book.flat_rhythms[3 * self.number + 2]

    def beat(self, at_ms: int) -> None:
        """It was heard of, and not only by a repeat."""
        rhythm, place = self.book.flat_rhythms, 3 * self.number
        rhythm[place] = max(rhythm[place], at_ms)
        rhythm[place + 1] += 1

    def keep_rhythm(self, stray_ms: int, at_ms: int, beats: int = 0) -> None:
        """Let its rhythm count from now on."""
        rhythm, place = self.book.flat_rhythms, 3 * self.number
        rhythm[place], rhythm[place + 1], rhythm[place + 2] = at_ms, beats, stray_ms


def trace_of(incident_id: str) -> int:
    """What tells the code of an alert that has left the incident from its own."""
    return int.from_bytes(blake2b(incident_id.encode(), digest_size=8).digest(), "big") | 1
