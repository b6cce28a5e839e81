"""How a live alert, and an event of a batch, lie in memory: all that kernels read or write is a number in one."""

import mmap
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

# Times are within ±2^61, so that no sum of two overflows; these are before and after them all.
NEVER_MS = -(1 << 62)
FOREVER_MS = 1 << 62

# What a duplicate reads and writes is one cache line, so that it costs a single miss, however many alerts are live.
ROW = np.dtype(
    [
        ("key", np.uint64),
        ("last_at_ms", np.int64),
        ("due_ms", np.int64),  # firing: when it is over without news; otherwise: when it is forgotten
        ("review_at_ms", np.int64),  # when it may page after all; FOREVER_MS: not by itself
        ("flap_ends_ms", np.int64),  # FOREVER_MS: it does not flap
        ("score", np.float64),  # actionability, as of when it began to fire
        ("events", np.int64),  # 0: the row is free, and all of it 0
        ("incident", np.int32),  # its place in the caller's array of incidents; -1: none
        ("rule", np.uint16),  # its place in the caller's array of rules
        ("is_firing", np.uint8),
        ("rank", np.uint8),
    ],
    align=True,
)
# The rest of a row, which only a change of the alert needs.
REST = np.dtype(
    [
        ("starts_at_ms", np.int64),
        ("first_at_ms", np.int64),
        ("begun_at_ms", np.int64),  # when it was scored last
        ("fired_at_ms", np.int64),
        ("queued_ms", np.int64),  # when its deadline comes up, which may be too early; FOREVER_MS: not queued
        ("flap_at_ms", np.int64),
        ("flap_penalty", np.float64),
        ("place", np.int32),  # among its incident's members
        ("hold_ms", np.int32),  # how long its page waits by what was learned; 0: not
        ("quiet", np.uint8),  # a number that the caller gave; 0: it pages
        ("severity", np.uint8),  # likewise
        ("guard", np.uint8),  # likewise; 0: a low score keeps it quiet
        ("is_flapping", np.uint8),
        ("is_echo", np.uint8),
        ("is_parted", np.uint8),  # it has gone on to another incident, and this is what it was here
    ],
    align=True,
)
# What a duplicate changes and asks of its incident.
INCIDENT = np.dtype([("events", np.int64), ("due_ms", np.int64)], align=True)  # due: FOREVER_MS if never
# What one of a log-like event does besides: states never touch it, so it lies apart.
RHYTHM = np.dtype(
    [
        ("beat_ms", np.int64),  # when it was last heard of, where repeats soon after one another count once
        ("beats", np.int64),
        ("stray_ms", np.int64),  # an event after so long a silence looks for its incident anew; FOREVER_MS: none does
    ],
    align=True,
)
EPISODE_MS = 300_000  # an event, not a state, that comes so long after the last is a new episode, and scored anew
REPEAT_MS = 500  # what comes sooner after the last beat is none; a flood is heard so often
# One event of a batch: what the caller knows of it, and what `look_up` and `scan` find out.
EVENT = np.dtype(
    [
        ("key", np.uint64),
        ("at_ms", np.int64),
        ("expires_at_ms", np.int64),  # of a lease; NEVER_MS: it is none
        ("score", np.float64),  # found by scan: its alert's
        ("next_ms", np.int64),  # found by scan: when something happens to its alert if no event comes
        ("row", np.int32),  # found by both: its alert's row; -1: unknown
        ("incident", np.int32),  # found by scan: its alert's
        ("is_firing", np.uint8),
        ("rank", np.uint8),
        ("says_resolved", np.uint8),  # whether its source tells when it ends, so that it is waited for long
        ("is_late", np.uint8),  # found by scan
    ],
    align=True,
)

Rows = NDArray[np.void]
Batch = NDArray[np.void]
Incidents = NDArray[np.void]
Rhythms = NDArray[np.void]
Homes = tuple[Incidents, Rhythms]  # what a scan is told of incidents, by number


class Row(NamedTuple):
    """What a row says, as plain numbers: the columns of `ROW`, then those of `REST`."""

    key: int
    last_at_ms: int
    due_ms: int
    review_at_ms: int = FOREVER_MS
    flap_ends_ms: int = FOREVER_MS
    score: float = 0.0
    events: int = 1
    incident: int = -1
    rule: int = 0
    is_firing: int = 1
    rank: int = 0
    starts_at_ms: int = 0
    first_at_ms: int = 0
    begun_at_ms: int = 0
    fired_at_ms: int = 0
    queued_ms: int = FOREVER_MS
    flap_at_ms: int = 0
    flap_penalty: float = 0.0
    place: int = 0
    hold_ms: int = 0
    quiet: int = 0
    severity: int = 0
    guard: int = 0
    is_flapping: int = 0
    is_echo: int = 0
    is_parted: int = 0


class Columns(NamedTuple):
    """A view of each column of the rows: `columns.due_ms.item(row)` reads, `columns.due_ms[row] = due_ms` writes."""

    key: NDArray[np.uint64]
    last_at_ms: NDArray[np.int64]
    due_ms: NDArray[np.int64]
    review_at_ms: NDArray[np.int64]
    flap_ends_ms: NDArray[np.int64]
    score: NDArray[np.float64]
    events: NDArray[np.int64]
    incident: NDArray[np.int32]
    rule: NDArray[np.uint16]
    is_firing: NDArray[np.uint8]
    rank: NDArray[np.uint8]
    starts_at_ms: NDArray[np.int64]
    first_at_ms: NDArray[np.int64]
    begun_at_ms: NDArray[np.int64]
    fired_at_ms: NDArray[np.int64]
    queued_ms: NDArray[np.int64]
    flap_at_ms: NDArray[np.int64]
    flap_penalty: NDArray[np.float64]
    place: NDArray[np.int32]
    hold_ms: NDArray[np.int32]
    quiet: NDArray[np.uint8]
    severity: NDArray[np.uint8]
    guard: NDArray[np.uint8]
    is_flapping: NDArray[np.uint8]
    is_echo: NDArray[np.uint8]
    is_parted: NDArray[np.uint8]


def columns_of(rows: Rows, rest: Rows) -> Columns:
    """The columns of the rows, sharing their memory."""
    return Columns(*(rows[name] for name in ROW.names or ()), *(rest[name] for name in REST.names or ()))


def reserve(count: int, kind: np.dtype[Any]) -> NDArray[Any]:
    """An array of zeros that takes memory page by page as it is used, and until then only addresses. Raises OSError.

    It begins on a page, so on a cache line: a scan of 4 M rows 16 bytes off did 23 million events a second, not 49. And
    it is not numpy's memory, which asks for huge pages: where a virtual machine had to find one, an insert took 5 to
    30 ms (its longest now: `python -m benchmarks kernels`).
    """
    space = mmap.mmap(-1, count * kind.itemsize, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return np.frombuffer(space, kind)


def new_batch(count: int) -> Batch:
    """A batch of events, of which nothing is known yet."""
    return np.zeros(count, EVENT)
