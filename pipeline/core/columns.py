"""How a live alert, and an event of a batch, lie in memory: all that kernels read or write is a number in one."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Times are within ±2^61, so that no sum of two overflows; these are before and after them all.
NEVER_MS = -(1 << 62)
FOREVER_MS = 1 << 62

# One row is one cache line: what a duplicate reads and writes costs a single miss, however many alerts are live.
LINE_BYTES = 64
ROW = np.dtype(
    [
        ("key", np.uint64),
        ("starts_at_ms", np.int64),
        ("first_at_ms", np.int64),
        ("last_at_ms", np.int64),
        ("due_ms", np.int64),  # firing: when it is over without news; otherwise: when it is forgotten
        ("queued_ms", np.int64),  # when its deadline comes up, at `due_ms` or before; FOREVER_MS: not queued
        ("events", np.int64),  # 0: the row is free, and all of it 0
        ("incident", np.int32),  # a number that the caller gave; -1: none
        ("changes", np.uint16),
        ("is_firing", np.uint8),
        ("rank", np.uint8),
    ],
    align=True,
)
# One event of a batch: what the caller knows of it, and what `look_up` and `scan` find out.
EVENT = np.dtype(
    [
        ("key", np.uint64),
        ("at_ms", np.int64),
        ("expires_at_ms", np.int64),  # of a lease; NEVER_MS: it is none
        ("quiet_ms", np.int64),  # how long to wait for more news of it; 1 for a lease
        ("due_ms", np.int64),  # found by scan: when it is over unless more is heard of it
        ("row", np.int32),  # found by both: its alert's row; -1: unknown
        ("is_firing", np.uint8),
        ("rank", np.uint8),
        ("is_late", np.uint8),  # found by scan
    ],
    align=True,
)

Rows = NDArray[np.void]
Batch = NDArray[np.void]


class Row(NamedTuple):
    """What a row says, as plain integers."""

    key: int
    starts_at_ms: int
    first_at_ms: int
    last_at_ms: int
    due_ms: int
    queued_ms: int = FOREVER_MS
    events: int = 1
    incident: int = -1
    changes: int = 0
    is_firing: int = 1
    rank: int = 0


class Columns(NamedTuple):
    """A view of each column of the rows: `columns.due_ms.item(row)` reads, `columns.due_ms[row] = due_ms` writes."""

    key: NDArray[np.uint64]
    starts_at_ms: NDArray[np.int64]
    first_at_ms: NDArray[np.int64]
    last_at_ms: NDArray[np.int64]
    due_ms: NDArray[np.int64]
    queued_ms: NDArray[np.int64]
    events: NDArray[np.int64]
    incident: NDArray[np.int32]
    changes: NDArray[np.uint16]
    is_firing: NDArray[np.uint8]
    rank: NDArray[np.uint8]


def columns_of(rows: Rows) -> Columns:
    """The columns of `rows`, sharing their memory."""
    return Columns(*(rows[name] for name in Columns._fields))


def new_rows(count: int) -> Rows:
    """Free rows, on cache lines: where numpy happens to put them a scan takes twice as long.

    The memory of many rows is only address space until they are used (calloc of fresh pages).
    """
    space = np.zeros(count * LINE_BYTES + LINE_BYTES, np.uint8)
    start = -space.ctypes.data % LINE_BYTES
    return space[start : start + count * LINE_BYTES].view(ROW)


def new_batch(count: int) -> Batch:
    """A batch of events, of which nothing is known yet."""
    return np.zeros(count, EVENT)
