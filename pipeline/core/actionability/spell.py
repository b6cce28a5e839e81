"""Kernels that say how long a page may wait, from how long an alert and its kind fired before; equal on any machine.

A spell is one time for which an alert fired, until its source said that it is over. Of an alert, and of a template, the
last 32 are kept: how long, and at what time of day they began. The newest counts most. What an alert did about this
time of day leans on what it did at any, and that on what its template did, and that on: nothing resolves by itself.
A page waits for the h that is worth most: gone(h) - (1 - gone(h)) * h / patience, where gone(h) is the share that is
over before h. The best h lies just behind where some past spell ended, and the next that is like it may take a little
longer: so a page waits for a step more. No event but its end changes that answer, so it is given once, when the alert
begins to fire.
"""

from typing import Any

import numpy as np
from numba import from_dtype, types
from numpy.typing import NDArray

from pipeline.core.actionability.surprise import slot_of
from pipeline.core.actionability.tuning import (
    ABOUT_MINUTES,
    LEAN,
    LEAN_ABOUT,
    LEAN_NOWHERE,
    LEAST_SPELLS,
    SLACK_STEPS,
    SPELL_FORGETS,
    STEP_MS,
)
from pipeline.core.jit import kernel, part

KEPT = 32
LONGEST_STEPS = 255  # how long is kept in steps: at most so many, and then it was "longer"
MOST_STEPS = 120  # that a page may wait: an hour
DAY_MINUTES = 1440
WHOLE = 1 << 20  # what the newest spell counts. Weights are integers: their sum is exact in any order
SPELLS = np.dtype(
    [
        ("key", np.uint64),  # 0: free
        ("last_at_ms", np.int64),  # when one of them ended last
        ("ended", np.int64),  # how many there were in all; that of number n lies at n % 32
        ("minute", np.int16, (KEPT,)),  # of the day (UTC), when it began
        ("steps", np.uint8, (KEPT,)),  # it was over before so many steps had passed
    ],
    align=True,
)
# What a kernel finds out about an alert that begins to fire, in a flat array of floats.
HELD = ("steps", "gone", "ended", "template_ended")

Known = NDArray[Any]
_SPELLS = types.Array(from_dtype(SPELLS), 1, "C")
_FLOATS = types.float64[::1]
_STEP_S = STEP_MS / 1000.0


@part
def _is_about(minute: int, other: int) -> bool:
    """Whether two times of day are about the same."""
    apart = abs(minute - other)
    return min(apart, DAY_MINUTES - apart) <= ABOUT_MINUTES


@part
def _gone(  # noqa: PLR0913, PLR0917  # as a kernel
    known: Known, slot: np.int64, about: int, gone: NDArray[np.float64], sums: NDArray[np.int64], lean: float
) -> None:
    """Let `gone`, the share that is over before each step, learn from the spells of one key.

    `about` is a minute of the day near which they began, or -1: any. The more there are, the less the old shares count.
    """
    habit = known[slot]
    ended = habit["ended"]
    sums[:] = 0
    weight, total = WHOLE, 0
    for back in range(1, min(ended, KEPT) + 1):
        place = (ended - back) % KEPT
        if about >= 0 and not _is_about(about, habit["minute"][place]):
            continue
        steps = np.int64(habit["steps"][place])
        if steps < sums.shape[0]:
            sums[steps] += weight
        total += weight
        weight = weight * SPELL_FORGETS // 100
    before = 0
    for step in range(gone.shape[0]):
        before += sums[step]
        gone[step] = (before / WHOLE + lean * gone[step]) / (total / WHOLE + lean)


@kernel(_SPELLS, types.uint64, types.uint64, types.int64, types.int64, types.float64, _FLOATS)
def choose(  # noqa: PLR0913, PLR0917  # a kernel gets its numbers one by one
    known: Known, template: int, alert: int, minute: int, most_steps: int, patience_s: float, held: NDArray[np.float64]
) -> None:
    """Write into `held` for how many steps the page of an alert waits, at most `most_steps`, and out of what."""
    held[:] = 0.0
    its_template, its_alert = slot_of(known, np.uint64(template)), slot_of(known, np.uint64(alert))
    held[2], held[3] = known[its_alert]["ended"], known[its_template]["ended"]
    if max(held[2], held[3]) < LEAST_SPELLS:
        return
    gone, sums = np.zeros(most_steps + 1), np.zeros(most_steps + 1, np.int64)
    _gone(known, its_template, -1, gone, sums, LEAN_NOWHERE)
    _gone(known, its_alert, -1, gone, sums, LEAN)
    _gone(known, its_alert, minute, gone, sums, LEAN_ABOUT)
    best = 0.0
    for step in range(1, most_steps + 1):
        worth = gone[step] - (1.0 - gone[step]) * (step * _STEP_S) / patience_s
        if worth > best:
            best, held[0], held[1] = worth, step, gone[step]
    if held[0] > 0.0:
        last = min(int(held[0]) + SLACK_STEPS, most_steps)
        held[0], held[1] = last, gone[last]


@kernel(_SPELLS, types.uint64, types.int64)
def hours(known: Known, key: int, minute: int) -> int:
    """How many spells of a key are kept, times 64, and how many of these began about this time of day."""
    habit = known[slot_of(known, np.uint64(key))]
    kept, about = min(habit["ended"], KEPT), 0
    for place in range(kept):
        if _is_about(minute, habit["minute"][place]):
            about += 1
    return int(kept * 64 + about)


@part
def _learn(known: Known, key: np.uint64, minute: int, steps: int, at_ms: int) -> int:
    """One more spell of a key. Whether the key is new."""
    slot = slot_of(known, key)
    habit = known[slot]
    is_new = habit["key"] == np.uint64(0)
    habit["key"] = key
    place = habit["ended"] % KEPT
    habit["minute"][place], habit["steps"][place] = minute, steps
    habit["ended"] += 1
    habit["last_at_ms"] = at_ms if is_new else max(at_ms, habit["last_at_ms"])
    return 1 if is_new else 0


@kernel(_SPELLS, types.uint64, types.uint64, types.int64, types.int64)
def learn(known: Known, template: int, alert: int, began_ms: int, after_ms: int) -> int:
    """An alert says that it is over, so long after it began. How many keys were new; there is room for two."""
    minute = (began_ms // 60_000) % DAY_MINUTES
    steps = min(max(after_ms, 0) // STEP_MS + 1, LONGEST_STEPS)
    new = _learn(known, np.uint64(template), minute, steps, began_ms + after_ms)
    return new + _learn(known, np.uint64(alert), minute, steps, began_ms + after_ms)


@kernel(_SPELLS, _SPELLS)
def move(known: Known, old: Known) -> None:
    """Put all of `old` into `known`, which has none of them and room for all."""
    for place in range(old.shape[0]):
        if old[place]["key"] != np.uint64(0):
            known[slot_of(known, old[place]["key"])] = old[place]
