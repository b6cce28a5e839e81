"""The slow twin of `LiveTable` and its kernels: a dict, a list and plain integers, and the rule as a person says it."""

from collections.abc import Sequence
from dataclasses import astuple, dataclass

import numpy as np

from pipeline.core.columns import (
    EPISODE_MS,
    FOREVER_MS,
    INCIDENT,
    NEVER_MS,
    REPEAT_MS,
    RHYTHM,
    Batch,
    Homes,
    Row,
    new_batch,
)
from pipeline.core.kernels import Stop
from pipeline.core.table import Clock, Scanned, TableFull

Waits = Sequence[Sequence[int]]  # by rule, and by whether the source says resolved


@dataclass
class Event:
    """One event of a batch; `expires_at_ms` is that of a lease."""

    key: int
    at_ms: int
    is_firing: bool = True
    rank: int = 0
    expires_at_ms: int = NEVER_MS
    says_resolved: bool = False
    row: int = -1
    incident: int = 0
    next_ms: int = 0
    is_late: bool = False
    score: float = 0.0


@dataclass
class Incident:
    """What a duplicate changes and asks of its incident."""

    events: int = 0
    due_ms: int = FOREVER_MS
    beat_ms: int = 0
    beats: int = 0
    stray_ms: int = FOREVER_MS


def homes_of(told: Sequence[Incident]) -> Homes:
    """The same incidents for a kernel."""
    return np.array([astuple(one)[:2] for one in told], INCIDENT), np.array([astuple(one)[2:] for one in told], RHYTHM)


def batch_of(events: Sequence[Event]) -> Batch:
    """The same events for a kernel."""
    batch = new_batch(len(events))
    for name in batch.dtype.names or ():
        batch[name] = [getattr(event, name) for event in events]
    return batch


def events_of(batch: Batch) -> list[Event]:
    """A kernel's batch as events again."""
    names = batch.dtype.names or ()
    return [Event(**dict(zip(names, event.item(), strict=True))) for event in batch]


class OracleTable:
    """What `LiveTable` does, without a thought for speed."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.rows: list[Row | None] = []
        self.free: list[int] = []
        self.by_key: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self.by_key)

    def find(self, key: int) -> int:
        return self.by_key.get(key, -1)

    def get(self, row: int) -> Row:
        found = self.rows[row] if 0 <= row < len(self.rows) else None
        if found is None:
            raise KeyError(row)
        return found

    def live_rows(self) -> list[int]:
        return [self.by_key[key] for key in sorted(self.by_key)]

    def insert(self, fresh: Row) -> int:
        if len(self) >= self.limit:
            raise TableFull
        if fresh.events < 1 or fresh.key in self.by_key:
            raise ValueError(fresh.key)
        if self.free:
            row = self.free.pop()
            self.rows[row] = fresh
        else:
            row = len(self.rows)
            self.rows.append(fresh)
        self.by_key[fresh.key] = row
        return row

    def remove(self, row: int) -> None:
        del self.by_key[self.get(row).key]
        self.rows[row] = None
        self.free.append(row)

    def change(self, row: int, **values: int) -> None:
        self.rows[row] = self.get(row)._replace(**values)

    def look_up(self, events: Sequence[Event]) -> None:
        for event in events:
            event.row = self.find(event.key)

    def scan(
        self, events: Sequence[Event], start: int, clock: Clock, incidents: Sequence[Incident], waits_ms: Waits
    ) -> Scanned:
        watermark_ms, deadline_ms = clock
        for index in range(start, len(events)):
            event = events[index]
            moves = watermark_ms is None or event.at_ms > watermark_ms
            if moves and deadline_ms is not None and event.at_ms >= deadline_ms:
                return Scanned(index, watermark_ms, Stop.DEADLINE)
            why = self._hindrance(event, len(incidents), len(waits_ms))
            if why is not Stop.END:
                return Scanned(index, watermark_ms, why)
            now_ms = event.at_ms if watermark_ms is None or moves else watermark_ms
            if self._strays(event, now_ms, incidents):
                return Scanned(index, watermark_ms, Stop.STRAYS)
            if not event.says_resolved and now_ms - self.get(event.row).last_at_ms >= EPISODE_MS:
                return Scanned(index, watermark_ms, Stop.RECURS)
            event.is_late = watermark_ms is not None and event.at_ms < watermark_ms
            self._repeat(event, now_ms, incidents, waits_ms)
            watermark_ms = now_ms
        return Scanned(len(events), watermark_ms, Stop.END)

    def _hindrance(self, event: Event, incidents: int, rules: int) -> Stop:
        if not event.is_firing:
            return Stop.ENDS
        event.row = self.find(event.key)
        if event.row < 0:
            return Stop.UNKNOWN
        known = self.get(event.row)
        if not known.is_firing:
            return Stop.REFIRES
        if event.rank > known.rank:
            return Stop.WORSE
        is_home = 0 <= known.incident < incidents and known.rule < rules
        return Stop.END if is_home else Stop.HOMELESS

    def _strays(self, event: Event, now_ms: int, incidents: Sequence[Incident]) -> bool:
        known = self.get(event.row)
        return not event.says_resolved and now_ms - known.last_at_ms >= incidents[known.incident].stray_ms

    def _repeat(self, event: Event, now_ms: int, incidents: Sequence[Incident], waits_ms: Waits) -> None:
        known = self.get(event.row)
        incident = incidents[known.incident]
        wait_ms = waits_ms[known.rule][event.says_resolved]
        if not event.says_resolved and incident.stray_ms != FOREVER_MS:
            wait_ms = max(wait_ms, incident.stray_ms)
            if now_ms - incident.beat_ms >= REPEAT_MS:
                incident.beat_ms, incident.beats = now_ms, incident.beats + 1
        is_lease = event.expires_at_ms != NEVER_MS
        if is_lease and event.expires_at_ms <= event.at_ms:
            event.expires_at_ms = now_ms + waits_ms[known.rule][0]
        over_ms = max(event.expires_at_ms, now_ms + 1) if is_lease else now_ms + wait_ms
        due_ms = max(known.due_ms, over_ms)
        self.change(event.row, due_ms=due_ms, last_at_ms=now_ms, events=known.events + 1)
        incident.events += 1
        event.incident = known.incident
        event.score = known.score
        event.next_ms = min(due_ms, known.review_at_ms, known.flap_ends_ms, incident.due_ms)

    def content(self) -> list[Row]:
        """What a snapshot keeps, in its order."""
        return [self.get(row)._replace(queued_ms=FOREVER_MS) for row in self.live_rows()]
