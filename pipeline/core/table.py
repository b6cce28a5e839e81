"""The live alerts of one scope, on flat arrays: a row each, found by its 64-bit identity; no step takes long."""

import struct
from array import array
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline.core import kernels
from pipeline.core.columns import FOREVER_MS, NEVER_MS, REST, ROW, Batch, Homes, Row, Rows, columns_of, reserve
from pipeline.core.jit import warm_up
from pipeline.core.kernels import Slots, Stop

_FIRST_SLOTS = 128
_DRAINED_SLOTS = 8  # by each insert while the index grows: all are, long before it has to grow again
_MANY = 6  # rows that are worth an array of their own
_SLOT = np.dtype(np.uint64)
_NO_SLOTS: Slots = np.zeros(0, _SLOT)
_FREE, _FREE_REST = np.zeros((), ROW), np.zeros((), REST)
_STOPS = tuple(Stop)

_WIDTH = len(ROW.names or ())
# The same as `ROW` and `REST`: reads a row in a third of the time that numpy takes.
_ROW, _REST = struct.Struct("=Qqqqqdqi H BB".replace(" ", "")), struct.Struct("=qqqqqqdii BBBBBB 2x".replace(" ", ""))
_ROW_BYTES = ROW.itemsize + REST.itemsize
_HEADER = struct.Struct("<4sIQ")  # what it is, its version, how many rows; then the rows, then the rest of each
_MAGIC, _VERSION = b"live", 6


Clock = tuple[int | None, int | None]


class TableFull(Exception):  # a limit of the policy; its caller knows what to tell
    """The table has as many alerts as it may."""


class Scanned(NamedTuple):
    """How far a scan came: the event at which it stopped, the watermark before that event, and why."""

    stop: int
    watermark_ms: int | None
    why: Stop


class LiveTable:
    """Rows by key. A row stays where it is until it is removed; then it may become another alert's.

    Nothing is copied when it grows: it has addresses for its whole limit, and takes memory for what was ever used; the
    index moves a few slots at each insert.
    """

    def __init__(self, limit: int) -> None:
        if not 0 < limit < 1 << 31:
            raise ValueError(f"a limit of {limit} alerts")
        warm_up()
        self.limit = limit
        self._make_rows(limit)
        self._slots: Slots = reserve(_FIRST_SLOTS, _SLOT)
        self._old = _NO_SLOTS
        self._drained = 0  # slots of `_old`
        self._used = 0  # rows, with the free ones among them
        self._free = array("i")  # rows to use again, the last removed first

    def __len__(self) -> int:
        return self._used - len(self._free)

    @property
    def room(self) -> int:
        """How many alerts more it has room for."""
        return self.limit - self._used + len(self._free)

    def find(self, key: int) -> int:
        """The row of `key`, or -1."""
        return int(kernels.find(self._slots, self._old, self._rows, key))

    def get(self, row: int) -> Row:
        """What the row says. Raises KeyError if it is free."""
        self._require(row)
        return Row(*self._rows[row].item(), *self._rest[row].item())

    def live_rows(self) -> NDArray[np.int64]:
        """All rows that hold an alert, in the order of their keys."""
        live = np.flatnonzero(self.columns.events[: self._used])
        return live[np.argsort(self.columns.key[live])]

    def insert(self, fresh: Row) -> int:
        """Hold one more alert and return its row.

        Raises TableFull; ValueError if its key is known or it counts no event; OverflowError if a number is too big.
        """
        if len(self) >= self.limit:
            raise TableFull(f"{self.limit} alerts are live")
        if fresh.events < 1 or self.find(fresh.key) >= 0:
            raise ValueError(f"alert {fresh.key:016x} is known, or counts no event")
        return self._enter(fresh[:_WIDTH], fresh[_WIDTH:])

    def put(self, row: int, numbers: tuple[float, ...], rest: tuple[float, ...]) -> None:
        """Write the columns of `ROW` and of `REST` of a row that holds an alert. The caller knows that it does."""
        _ROW.pack_into(self._row_bytes, row * _ROW.size, *numbers)
        _REST.pack_into(self._rest_bytes, row * _REST.size, *rest)

    def put_new(self, fresh: Sequence[tuple[tuple[float, ...], tuple[float, ...]]]) -> list[int]:
        """Hold more alerts, whose keys the caller knows to be new, and return their rows. Raises TableFull."""
        if len(self) + len(fresh) > self.limit:
            raise TableFull(f"{self.limit} alerts are live")
        if self._free or len(fresh) < _MANY:
            return [self._enter(numbers, rest) for numbers, rest in fresh]
        first, end = self._used, self._used + len(fresh)
        for row, (numbers, rest) in enumerate(fresh, first):
            self.put(row, numbers, rest)
        while self._used < end:
            if len(self._old):
                self._used += self._drain(end - self._used)
            elif _is_crowded(end, self._slots):
                self._used += 1
                self._grow_index()
            else:
                self._used = end
        kernels.enter(self._slots, self._rows, first, end)
        return list(range(first, end))

    def row_of(self, row: int) -> tuple[int, ...]:
        """The columns of `ROW` as plain numbers, of a row that holds an alert."""
        return _ROW.unpack_from(self._row_bytes, row * _ROW.size)

    def rest_of(self, row: int) -> tuple[Any, ...]:
        """The columns of `REST`, likewise."""
        return _REST.unpack_from(self._rest_bytes, row * _REST.size)

    def rows_where(self, column: str) -> NDArray[np.int64]:
        """The rows that hold an alert for which a column of `REST` is not 0."""
        return np.flatnonzero(self._rest[column][: self._used])

    def remove(self, row: int) -> None:
        """Forget the alert of the row. Raises KeyError if it is free."""
        self._require(row)
        kernels.take_out(self._slots, self._old, self._rows, row)
        self._rows[row], self._rest[row] = _FREE, _FREE_REST
        self._free.append(row)

    def look_up(self, batch: Batch) -> None:
        """Write into `batch` the row of each event's alert, or -1.

        All at once that is faster than `scan` finds them one by one; `scan` looks again where a row has changed since.
        """
        kernels.look_up(self._slots, self._old, self._rows, batch["key"], batch["row"])

    def rows_of(self, keys: NDArray[np.uint64]) -> NDArray[np.int32]:
        """The row of each of `keys`, or -1."""
        found = np.empty(len(keys), np.int32)
        kernels.look_up(self._slots, self._old, self._rows, keys, found)
        return found

    def scan(self, batch: Batch, start: int, clock: Clock, homes: Homes, waits_ms: NDArray[np.int64]) -> Scanned:
        """Apply the plain duplicates of `batch` from `start` up to the first event that is more than that.

        `clock` is (watermark, next deadline): an event that moves the watermark to the deadline or past it stops the
        scan. The rows say which incident of `homes` an alert is in, and by which rule of `waits_ms` it is waited for:
        `waits_ms[rule, 0]` if its source never says resolved, `waits_ms[rule, 1]` if it does.
        """
        watermark_ms, deadline_ms = clock
        stop, mark_ms, why = kernels.scan(
            self._slots,
            self._old,
            self._rows,
            *homes,
            waits_ms,
            batch[start:],
            NEVER_MS if watermark_ms is None else watermark_ms,
            FOREVER_MS if deadline_ms is None else deadline_ms,
        )
        return Scanned(start + stop, None if mark_ms == NEVER_MS else int(mark_ms), _STOPS[why])

    def memory_bytes(self) -> int:
        """What it holds in memory; of the rows, those that were ever used."""
        return self._used * _ROW_BYTES + self._slots.nbytes + self._old.nbytes + len(self._free) * self._free.itemsize

    def snapshot(self, numbers: NDArray[np.int32] | None = None, live: NDArray[np.int64] | None = None) -> bytes:
        """All alerts in the order of keys: equal content has equal bytes, whatever came before.

        `numbers[n]` is written for the incident n; by default n. `queued_ms` is not kept, since all are queued anew.
        `live` are the `live_rows`, for who has asked for them already.
        """
        live = self.live_rows() if live is None else live
        # Whole rows: column by column, each would be a cache miss of its own (.6 s of a million alerts, not .1).
        rows, rest = _gathered(self._rows, live), _gathered(self._rest, live)
        if numbers is not None:
            rows["incident"] = numbers[rows["incident"]]
        rest["queued_ms"] = FOREVER_MS
        return b"".join((_HEADER.pack(_MAGIC, _VERSION, len(live)), rows.data, rest.data))

    @classmethod
    def restore(cls, limit: int, snapshot: bytes | memoryview) -> "LiveTable":
        """The table that `snapshot` was taken of, even if the limit is lower by now. Raises ValueError if damaged."""
        table = cls(limit)
        count = _count_in(snapshot)
        if count > limit:
            table._make_rows(count)
        table._used = count
        table._rows[:count] = np.frombuffer(snapshot, ROW, count, _HEADER.size)
        table._rest[:count] = np.frombuffer(snapshot, REST, count, _HEADER.size + count * ROW.itemsize)
        keys, events = table.columns.key[:count], table.columns.events[:count]
        if (keys[1:] <= keys[:-1]).any() or (events < 1).any():
            raise ValueError("a damaged snapshot: its keys are out of order, or an alert counts no event")
        while _is_crowded(count, table._slots):
            table._slots = reserve(2 * len(table._slots), _SLOT)
        kernels.enter(table._slots, table._rows, 0, count)
        return table

    def _enter(self, numbers: tuple[float, ...], rest: tuple[float, ...]) -> int:
        row = self._free[-1] if self._free else self._used
        try:
            self.put(row, numbers, rest)
        except struct.error as exc:
            self._rows[row], self._rest[row] = _FREE, _FREE_REST  # what came before the number that was too big
            raise OverflowError(str(exc)) from exc
        if self._free:
            self._free.pop()
        else:
            self._used += 1
        self._grow_index()
        kernels.enter(self._slots, self._rows, row, row + 1)
        return row

    def _require(self, row: int) -> None:
        if not (0 <= row < self._used and self.columns.events[row]):
            raise KeyError(f"row {row} is free")

    def _make_rows(self, count: int) -> None:
        self._rows, self._rest = reserve(count, ROW), reserve(count, REST)
        self._row_bytes, self._rest_bytes = self._rows.data.cast("B"), self._rest.data.cast("B")
        self.columns = columns_of(self._rows, self._rest)

    def _grow_index(self) -> None:
        """Keep room for the rows: start to grow, or go on growing."""
        if len(self._old):
            self._drain(1)
        elif _is_crowded(len(self), self._slots):
            self._old, self._drained = self._slots, 0
            self._slots = reserve(2 * len(self._old), _SLOT)

    def _drain(self, rows: int) -> int:
        """Go on growing as for so many rows more. For how many of them there was something to move."""
        rows = min(rows, -(-(len(self._old) - self._drained) // _DRAINED_SLOTS))
        end = min(self._drained + rows * _DRAINED_SLOTS, len(self._old))
        kernels.drain(self._slots, self._old, self._drained, end)
        self._drained = end
        if end == len(self._old):
            self._old = _NO_SLOTS
        return rows


def _gathered(rows: Rows, live: NDArray[np.int64]) -> Rows:
    """Some of the rows, copied as plain numbers: less than half of the time that numpy takes for records."""
    found: Rows = rows.view(np.uint64).reshape(len(rows), -1).take(live, axis=0).view(rows.dtype).reshape(-1)
    return found


def _is_crowded(live: int, slots: Slots) -> bool:
    """Whether probing gets long: 5/8 full, a look-up reads 1.8 slots, and 4.1 if the key is not there (Knuth, 6.4)."""
    return live * 8 > len(slots) * 5


def _count_in(snapshot: bytes | memoryview) -> int:
    """How many rows a whole snapshot of this version has. Raises ValueError."""
    if len(snapshot) < _HEADER.size:
        raise ValueError("no snapshot of live alerts: too short")
    magic, version, count = _HEADER.unpack_from(snapshot)
    if (magic, version) != (_MAGIC, _VERSION):
        raise ValueError(f"a snapshot {magic!r} of version {version}, not {_MAGIC!r} of version {_VERSION}")
    if len(snapshot) != _HEADER.size + count * _ROW_BYTES:
        raise ValueError(f"a snapshot of {count} live alerts cannot have {len(snapshot)} bytes")
    return int(count)
