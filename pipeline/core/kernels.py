"""Kernels on flat arrays: each walks a whole batch, and equals its slow twin in tests/laws/table_oracle.py exactly.

The index is an open-addressing table of 64-bit slots with linear probing: the high half of a slot is the tag (32 mixed
bits of the key, whose low bits say where the slot belongs), the low half is row + 1. So moving and deleting slots needs
no key, and a look-up reads a row only where its tag fits. `old` is the smaller index that is being drained while the
table grows; a key stands in exactly one of the two. Both have a power of two of slots and at least one that is empty.

No kernel checks bounds, and none keeps a reference: their caller is `LiveTable`, which owns the arrays.
"""

from enum import IntEnum

import numpy as np
from numba import from_dtype, types
from numpy.typing import NDArray

from pipeline.core.columns import (
    EPISODE_MS,
    EVENT,
    FOREVER_MS,
    INCIDENT,
    NEVER_MS,
    REPEAT_MS,
    RHYTHM,
    ROW,
    Batch,
    Incidents,
    Rhythms,
    Rows,
)
from pipeline.core.jit import kernel, part

Slots = NDArray[np.uint64]

_HALF = np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)
_ONE = np.uint64(1)
_EMPTY = np.uint64(0)
_DEAD = np.uint64(1 << 32)  # only in `old`: a slot that was moved or removed, and has no row
_BLOCK = 64  # keys that `look_up` has under way at once

_SLOTS = types.uint64[::1]
_ROWS = types.Array(from_dtype(ROW), 1, "C")
_BATCH = types.Array(from_dtype(EVENT), 1, "C")
_KEYS = types.Array(types.uint64, 1, "A", readonly=True)  # or the column of a batch, which is strided
_FOUND = types.Array(types.int32, 1, "A")
_INCIDENTS = types.Array(from_dtype(INCIDENT), 1, "C")
_RHYTHMS = types.Array(from_dtype(RHYTHM), 1, "C")
_WAITS = types.int64[:, ::1]


class Stop(IntEnum):
    """Why a scan stopped at an event: what makes it more than a plain duplicate."""

    END = 0  # it did not: the batch ended
    DEADLINE = 1  # something falls due before the event
    ENDS = 2  # the event says resolved
    UNKNOWN = 3  # no alert has its key
    REFIRES = 4  # its alert is over
    WORSE = 5  # it is more severe than its alert
    HOMELESS = 6  # its alert has no incident, or no rule, among those given
    STRAYS = 7  # it came after so long a silence that it may belong to another incident by now
    RECURS = 8  # it is no state, and came after so long a silence that it is a new episode


@part
def tag_of(key: np.uint64) -> np.uint64:
    """32 well mixed bits of the key. By halves, since a product that overflows is an error in plain Python."""
    mixed = ((key & _LOW) * np.uint64(0x9E3779B1)) ^ ((key >> _HALF) * np.uint64(0x85EBCA77))
    mixed = ((mixed ^ (mixed >> _HALF)) & _LOW) * np.uint64(0xC2B2AE3D)
    return (mixed ^ (mixed >> _HALF)) & _LOW


@part
def _probe(slots: Slots, rows: Rows, key: np.uint64) -> np.int64:
    tag = tag_of(key)
    mask = np.uint64(slots.shape[0] - 1)
    place = tag & mask
    slot = slots[place]
    while slot != _EMPTY:
        if slot >> _HALF == tag:
            row = np.int64(slot & _LOW) - 1
            if row >= 0 and rows[row]["key"] == key:
                return row
        place = (place + _ONE) & mask
        slot = slots[place]
    return np.int64(-1)


@part
def _row_of(slots: Slots, old: Slots, rows: Rows, key: np.uint64) -> np.int64:
    row = _probe(slots, rows, key)
    if row < 0 and old.shape[0] > 0:
        row = _probe(old, rows, key)
    return row


@part
def _place_of(slots: Slots, slot: np.uint64) -> np.int64:
    mask = np.uint64(slots.shape[0] - 1)
    place = (slot >> _HALF) & mask
    while slots[place] != slot:
        if slots[place] == _EMPTY:
            return np.int64(-1)
        place = (place + _ONE) & mask
    return np.int64(place)


@part
def _put(slots: Slots, slot: np.uint64) -> None:
    mask = np.uint64(slots.shape[0] - 1)
    place = (slot >> _HALF) & mask
    while slots[place] != _EMPTY:
        place = (place + _ONE) & mask
    slots[place] = slot


@kernel(_SLOTS, _SLOTS, _ROWS, types.uint64)
def find(slots: Slots, old: Slots, rows: Rows, key: int) -> np.int64:
    """The row of `key`, or -1."""
    return _row_of(slots, old, rows, np.uint64(key))


@kernel(_SLOTS, _SLOTS, _ROWS, _KEYS, _FOUND)
def look_up(slots: Slots, old: Slots, rows: Rows, keys: NDArray[np.uint64], found: NDArray[np.int32]) -> None:
    """Write the row of each of `keys`, or -1, into `found`.

    In three passes over a block, so that its cache misses overlap: a loop that decides on what it has just loaded waits
    for each of them.
    """
    near = np.empty(_BLOCK, np.uint64)
    seen = np.empty(_BLOCK, np.uint64)
    mask = np.uint64(slots.shape[0] - 1)
    for first in range(0, keys.shape[0], _BLOCK):
        end = min(first + _BLOCK, keys.shape[0])
        for index in range(first, end):
            near[index - first] = slots[tag_of(keys[index]) & mask]
        for index in range(first, end):
            tag = tag_of(keys[index])
            place = tag & mask
            slot = near[index - first]
            while slot != _EMPTY and slot >> _HALF != tag:
                place = (place + _ONE) & mask
                slot = slots[place]
            row = np.int64(slot & _LOW) - 1
            found[index] = row
            seen[index - first] = rows[max(row, np.int64(0))]["key"]
        for index in range(first, end):
            if found[index] < 0 or seen[index - first] != keys[index]:
                found[index] = _row_of(slots, old, rows, keys[index])


@kernel(_SLOTS, _ROWS, types.int64, types.int64)
def enter(slots: Slots, rows: Rows, first: int, end: int) -> None:
    """Enter the rows of `[first, end)`, whose keys the index must not have yet."""
    for row in range(first, end):
        _put(slots, (tag_of(rows[row]["key"]) << _HALF) | np.uint64(row + 1))


@kernel(_SLOTS, _SLOTS, types.int64, types.int64)
def drain(slots: Slots, old: Slots, first: int, end: int) -> None:
    """Move the slots of `[first, end)` of `old`; they stay behind as dead ones, so that probing goes on past them."""
    for place in range(first, end):
        if old[place] & _LOW != _EMPTY:
            _put(slots, old[place])
            old[place] = _DEAD


@kernel(_SLOTS, _SLOTS, _ROWS, types.int64)
def take_out(slots: Slots, old: Slots, rows: Rows, row: int) -> None:
    """Take an entered row out of the index. The slots that it displaced move up, so that no tombstone remains."""
    slot = (tag_of(rows[row]["key"]) << _HALF) | np.uint64(row + 1)
    found = _place_of(slots, slot)
    if found < 0:
        old[_place_of(old, slot)] = _DEAD
        return
    size = np.uint64(slots.shape[0])
    mask = size - _ONE
    hole = np.uint64(found)
    place = (hole + _ONE) & mask
    while slots[place] != _EMPTY:
        home = (slots[place] >> _HALF) & mask
        if (place + size - home) & mask >= (place + size - hole) & mask:
            slots[hole] = slots[place]
            hole = place
        place = (place + _ONE) & mask
    slots[hole] = _EMPTY


@kernel(_SLOTS, _SLOTS, _ROWS, _INCIDENTS, _RHYTHMS, _WAITS, _BATCH, types.int64, types.int64)
def scan(  # noqa: PLR0913, PLR0917  # a kernel gets its arrays one by one
    slots: Slots,
    old: Slots,
    rows: Rows,
    incidents: Incidents,
    rhythms: Rhythms,
    waits_ms: NDArray[np.int64],
    batch: Batch,
    watermark_ms: int,
    next_deadline_ms: int,
) -> tuple[int, int, np.int64]:
    """Apply the plain duplicates of `batch` in order, up to the first event that is more than that.

    `waits_ms[rule, says_resolved]` is how long an alert without a lease is waited for. Returns where it stopped, the
    watermark before that event, and why: the number of a `Stop`, since to hand over a member takes numba as long as the
    whole call. That event has changed nothing; its `row` is found unless it ends its alert or waits for a deadline.
    """
    for index in range(batch.shape[0]):
        event = batch[index]
        at_ms = event["at_ms"]
        if at_ms > watermark_ms and at_ms >= next_deadline_ms:
            return index, watermark_ms, np.int64(Stop.DEADLINE)
        if event["is_firing"] == 0:
            return index, watermark_ms, np.int64(Stop.ENDS)
        # Where `look_up` saw it is tried here and not in a part with the probing, which LLVM would not inline.
        found = np.int64(event["row"])
        if not _is_at(rows, found, event["key"]):
            found = _row_of(slots, old, rows, event["key"])
            event["row"] = found
        if found < 0:
            return index, watermark_ms, np.int64(Stop.UNKNOWN)
        row = rows[found]
        why = _hindrance(event, row, min(incidents.shape[0], rhythms.shape[0]), waits_ms.shape[0])
        if why != 0:
            return index, watermark_ms, why
        if event["says_resolved"] == 0:
            why = _silence(row, rhythms[row["incident"]], max(at_ms, watermark_ms))
            if why != 0:
                return index, watermark_ms, why
        event["is_late"] = at_ms < watermark_ms
        watermark_ms = max(at_ms, watermark_ms)
        event["incident"] = row["incident"]
        wait_ms = waits_ms[row["rule"], min(event["says_resolved"], 1)]
        if event["says_resolved"] == 0:
            wait_ms = _beat(rhythms[row["incident"]], watermark_ms, wait_ms)
        if event["expires_at_ms"] != NEVER_MS and event["expires_at_ms"] <= at_ms:
            event["expires_at_ms"] = watermark_ms + waits_ms[row["rule"], 0]  # of a clock behind ours: it says nothing
        _repeat(event, row, incidents[row["incident"]], watermark_ms, wait_ms)
    return batch.shape[0], watermark_ms, np.int64(Stop.END)


@part
def _is_at(rows: Rows, row: np.int64, key: np.uint64) -> bool:
    return bool(0 <= row < rows.shape[0] and rows[row]["key"] == key and rows[row]["events"] > 0)


@part
def _hindrance(event: np.void, row: np.void, incidents: int, rules: int) -> np.int64:
    """What makes `event` more than a plain duplicate of its alert, as a number of `Stop`."""
    if row["is_firing"] == 0:
        return np.int64(Stop.REFIRES)
    if event["rank"] > row["rank"]:
        return np.int64(Stop.WORSE)
    if row["incident"] < 0 or row["incident"] >= incidents or row["rule"] >= rules:
        return np.int64(Stop.HOMELESS)
    return np.int64(Stop.END)


@part
def _silence(row: np.void, rhythm: np.void, now_ms: int) -> np.int64:
    """What a silence makes of an event, not a state, as a number of `Stop`."""
    silent_ms = now_ms - row["last_at_ms"]
    if silent_ms >= rhythm["stray_ms"]:
        return np.int64(Stop.STRAYS)
    return np.int64(Stop.RECURS if silent_ms >= EPISODE_MS else Stop.END)


@part
def _beat(rhythm: np.void, now_ms: int, wait_ms: int) -> int:
    """Let an event keep its incident awake. How long its alert is waited for: not less than its incident is."""
    if rhythm["stray_ms"] == FOREVER_MS:
        return wait_ms
    if now_ms - rhythm["beat_ms"] >= REPEAT_MS:
        rhythm["beat_ms"] = now_ms
        rhythm["beats"] += 1
    longest_ms: int = max(wait_ms, rhythm["stray_ms"])
    return longest_ms


@part
def _repeat(event: np.void, row: np.void, incident: np.void, now_ms: int, wait_ms: int) -> None:
    """Count a duplicate and put off the end of its alert. The later end rules: a twin's shorter lease ends nothing."""
    due_ms = now_ms + wait_ms
    if event["expires_at_ms"] != NEVER_MS:
        due_ms = max(event["expires_at_ms"], now_ms + 1)
    row["due_ms"] = max(row["due_ms"], due_ms)
    row["last_at_ms"] = now_ms
    row["events"] += 1
    incident["events"] += 1
    event["score"] = row["score"]
    event["next_ms"] = min(row["due_ms"], row["review_at_ms"], row["flap_ends_ms"], incident["due_ms"])
