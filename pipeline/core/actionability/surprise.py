"""Kernels that say how surprising it is that an alert begins to fire now, and count that it did; equal on any machine.

The surprise of a template, an alert or a place is ln(T / (1 + n)): T is how many days its scope was watched and n how
often it began in them, both fading with a half-life of 14 days. It is a rate, and as if a day had been watched before:
nothing is a surprise in the first hours. Surprise then glows, around a place and in the whole scope: what else begins
there soon is less likely to be a chance. What an alert lit itself does not count for it. Rhythm is how late it comes
against the usual gap of its template, in spreads: the tick of a clock is no news.
"""

import math

import numpy as np
from numba import from_dtype, types
from numpy.typing import NDArray

from pipeline.core.actionability.habit import FOUND, HABIT, Habits
from pipeline.core.actionability.tuning import (
    ALERT,
    FORGETS,
    HALF_LIFE_MS,
    MOST_GAPS,
    PLACE,
    PLACE_HALF_LIFE_MS,
    RHYTHM,
    SCOPE_GLOWS,
    SCOPE_HALF_LIFE_MS,
    SELF_RESOLVED,
    SHORT_MS,
    SHRINK,
    TEMPLATE,
)
from pipeline.core.jit import kernel, part
from pipeline.core.kernels import tag_of
from pipeline.core.logarithm import ln

SCOPE = np.uint64(1)  # the key of the scope itself
_SMALLEST = np.uint64(2)  # 0 is a free slot
_LN_2 = 0.6931471805599453
_DAYS = HALF_LIFE_MS / _LN_2 / 86_400_000.0  # that a scope can be watched at most, since they fade
_GRAIN = 1024.0  # terms are multiples of its inverse: their sum is exact in any order
_NANOS = 1_000_000_000
_LN_2_NANOS = 693_147_181
_INVERSES = tuple([1.0 / term for term in range(17, 0, -1)])  # of the exponential's series: the next adds below 1e-18
(
    _TEMPLATE,
    _ALERT,
    _PLACE,
    _SCOPE,
    _RHYTHM,
    _SELF_RESOLVED,
    _PROBABILITY,
    _TEMPLATE_BEGUN,
    _ALERT_BEGUN,
    _WATCHED,
    _ENDED,
    _SHORT,
    _TEMPLATE_PAGED,
) = range(len(FOUND))

_HABITS = types.Array(from_dtype(HABIT), 1, "C")
_FLOATS = types.float64[::1]
_ln = part(ln)


@part
def fade(elapsed_ms: int, half_life_ms: int) -> float:
    """2^(-elapsed/half-life) by products, sums and divisions only, which IEEE 754 rounds alike everywhere."""
    if elapsed_ms <= 0:
        return 1.0
    whole = elapsed_ms // half_life_ms
    if whole > 1000:
        return 0.0
    exponent = _LN_2 * ((elapsed_ms - whole * half_life_ms) / half_life_ms)
    left = 1.0
    for inverse in _INVERSES:
        left = 1.0 - exponent * left * inverse
    return math.ldexp(left, -int(whole))


@part
def probability_of(logit: float) -> float:
    """1 / (1 + e^-logit), by the same bits on every machine."""
    left = fade(int(abs(logit) * _NANOS), _LN_2_NANOS)  # e^-|logit|
    return 1.0 / (1.0 + left) if logit >= 0.0 else left / (1.0 + left)


@part
def _grained(value: float) -> float:
    return np.int64(value * _GRAIN + (0.5 if value >= 0.0 else -0.5)) / _GRAIN


@part
def _key(code: int) -> np.uint64:
    return max(np.uint64(code), _SMALLEST)


@part
def slot_of(habits: Habits, key: np.uint64) -> np.int64:
    """Where `key` is, or would be put: there is always a free one."""
    mask = np.uint64(habits.shape[0] - 1)
    place = tag_of(key) & mask
    while habits[place]["key"] != key and habits[place]["key"] != np.uint64(0):
        place = (place + np.uint64(1)) & mask
    return np.int64(place)


@part
def _begun(habits: Habits, slot: np.int64, at_ms: int) -> float:
    """How often it began, as of now."""
    habit = habits[slot]
    if habit["begun"] == 0.0:
        return 0.0
    begun: float = habit["begun"] * fade(at_ms - habit["last_at_ms"], HALF_LIFE_MS)
    return begun


@part
def _glow(habits: Habits, slot: np.int64, at_ms: int, half_life_ms: int) -> float:
    habit = habits[slot]
    if habit["glow"] == 0.0:
        return 0.0
    glow: float = habit["glow"] * fade(at_ms - habit["glow_at_ms"], half_life_ms)
    return glow


@part
def _rhythm(habits: Habits, slot: np.int64, at_ms: int) -> float:
    habit = habits[slot]
    if habit["gaps"] < 2.0:
        return 0.0
    late = _ln(max(1.0, (at_ms - habit["last_at_ms"]) / 1000.0)) - habit["gap"]
    late_spreads: float = late / (math.sqrt(habit["spread"]) + 0.7)
    return max(-2.0, min(3.0, late_spreads))


@part
def _count(habits: Habits, slot: np.int64, key: np.uint64, at_ms: int) -> int:
    """It begins once more. Whether it is new."""
    habit = habits[slot]
    if habit["key"] == np.uint64(0):
        habit["key"], habit["first_at_ms"], habit["last_at_ms"], habit["begun"] = key, at_ms, at_ms, 1.0
        return 1
    begun = _begun(habits, slot, at_ms) + 1.0
    gap = _ln(max(1.0, (at_ms - habit["last_at_ms"]) / 1000.0))
    habit["gaps"] = min(habit["gaps"] + 1.0, MOST_GAPS)
    share, off = 1.0 / habit["gaps"], gap - habit["gap"]
    habit["gap"] += share * off
    habit["spread"] = (1.0 - share) * (habit["spread"] + share * off * off)
    habit["begun"] = begun
    habit["last_at_ms"] = max(at_ms, habit["last_at_ms"])
    return 0


@part
def _light(habits: Habits, slot: np.int64, at_ms: int, surprise: float, half_life_ms: int) -> None:
    habit = habits[slot]
    habit["glow"] = _glow(habits, slot, at_ms, half_life_ms) + surprise
    habit["glow_at_ms"] = max(at_ms, habit["glow_at_ms"])


@part
def _share(habits: Habits, slot: np.int64) -> float:
    """The share of its ends that came soon; it has to be earned."""
    share: float = habits[slot]["short"] / (habits[slot]["ended"] + SHRINK)
    return share


@kernel(_HABITS, types.uint64, types.uint64, types.uint64, types.int64, types.float64, _FLOATS)
def begin(  # noqa: PLR0913, PLR0917  # a kernel gets its numbers one by one
    habits: Habits, template: int, alert: int, place: int, at_ms: int, claimed: float, found: NDArray[np.float64]
) -> int:
    """An alert begins to fire: write what is found out of it into `found`, then count it. How many keys were new.

    `place` is 0 where it names none; there is room for four keys. `claimed` is the sum of the terms that others know.
    """
    scope_key, template_key, alert_key, place_key = SCOPE, _key(template), _key(alert), np.uint64(0)
    if place:
        place_key = _key(place)
    new = 0
    its_scope = slot_of(habits, scope_key)
    if habits[its_scope]["key"] == np.uint64(0):
        new += _count(habits, its_scope, scope_key, at_ms)
    watched_ms = max(at_ms - habits[its_scope]["first_at_ms"], np.int64(0))
    days = max(1.0, (1.0 - fade(watched_ms, HALF_LIFE_MS)) * _DAYS)
    its_template = slot_of(habits, template_key)
    template_begun = _begun(habits, its_template, at_ms)
    rare_template = _ln(days / (1.0 + template_begun))
    rhythm = _rhythm(habits, its_template, at_ms)
    new += _count(habits, its_template, template_key, at_ms)
    its_alert = slot_of(habits, alert_key)
    alert_begun = _begun(habits, its_alert, at_ms)
    rare_alert = _ln(days / (1.0 + alert_begun))
    new += _count(habits, its_alert, alert_key, at_ms)
    habits[its_alert]["template"] = template_key
    surprise = max(0.0, (2.0 * rare_template + rare_alert) / 3.0 + _ln((days + 0.5) / days))
    # What it lit itself before is no news.
    silent_ms = at_ms - habits[its_alert]["glow_at_ms"]
    own_wide = habits[its_alert]["wide"] * fade(silent_ms, SCOPE_HALF_LIFE_MS)
    own = habits[its_alert]["glow"] * fade(silent_ms, PLACE_HALF_LIFE_MS)
    scope_glow = max(0.0, _glow(habits, its_scope, at_ms, SCOPE_HALF_LIFE_MS) - own_wide)
    _light(habits, its_scope, at_ms, surprise, SCOPE_HALF_LIFE_MS)
    place_glow = 0.0
    if place_key != np.uint64(0):
        its_place = slot_of(habits, place_key)
        place_glow = max(0.0, _glow(habits, its_place, at_ms, PLACE_HALF_LIFE_MS) - own)
        new += _count(habits, its_place, place_key, at_ms)
        _light(habits, its_place, at_ms, surprise, PLACE_HALF_LIFE_MS)
    habits[its_alert]["glow"], habits[its_alert]["wide"] = own + surprise, own_wide + surprise
    habits[its_alert]["glow_at_ms"] = max(at_ms, habits[its_alert]["glow_at_ms"])
    resolves = max(0.5 * _share(habits, its_template), _share(habits, its_alert))
    found[_TEMPLATE] = _grained(TEMPLATE * rare_template)
    found[_ALERT] = _grained(ALERT * rare_alert)
    found[_PLACE] = _grained(PLACE * _ln(1.0 + place_glow))
    found[_SCOPE] = _grained(SCOPE_GLOWS * _ln(1.0 + scope_glow))
    found[_RHYTHM] = _grained(RHYTHM * rhythm)
    found[_SELF_RESOLVED] = _grained(SELF_RESOLVED * resolves)
    logit = claimed
    for term in range(_PROBABILITY):
        logit += found[term]
    found[_PROBABILITY] = probability_of(logit)
    found[_TEMPLATE_BEGUN], found[_ALERT_BEGUN], found[_WATCHED] = template_begun, alert_begun, float(watched_ms)
    found[_ENDED], found[_SHORT] = habits[its_alert]["ended"], habits[its_alert]["short"]
    found[_TEMPLATE_PAGED] = habits[its_template]["paged"]
    return new


@kernel(_HABITS, types.uint64, types.int64, types.int64)
def recurs(habits: Habits, alert: int, at_ms: int, most_ms: int) -> bool:
    """Whether an alert keeps coming back: it began three times or more, as a rule within `most_ms`, and so of late."""
    habit = habits[slot_of(habits, _key(alert))]
    if habit["gaps"] < 2.0 or at_ms - habit["last_at_ms"] > most_ms:
        return False
    is_often: bool = habit["gap"] <= _ln(most_ms / 1000.0)
    return is_often


@kernel(_HABITS, types.uint64)
def page(habits: Habits, alert: int) -> None:
    """A page told of an alert: one of its template was seen by a person."""
    its_alert = slot_of(habits, _key(alert))
    if habits[its_alert]["key"] != np.uint64(0):
        its_template = slot_of(habits, habits[its_alert]["template"])
        if habits[its_template]["key"] != np.uint64(0):
            habits[its_template]["paged"] += 1.0


@kernel(_HABITS, types.uint64, types.int64)
def end(habits: Habits, alert: int, after_ms: int) -> np.uint64:
    """An alert says that it is over, so long after it began: its template and itself are known to end so.

    The key of its template; 0: it is not known.
    """
    its_alert = slot_of(habits, _key(alert))
    if habits[its_alert]["key"] == np.uint64(0):
        return np.uint64(0)
    its_template = slot_of(habits, habits[its_alert]["template"])
    for slot in (its_alert, its_template):
        if habits[slot]["key"] != np.uint64(0):
            habit = habits[slot]
            habit["ended"] = habit["ended"] * FORGETS + 1.0
            habit["short"] = habit["short"] * FORGETS + (1.0 if after_ms < SHORT_MS else 0.0)
    return np.uint64(habits[its_alert]["template"])


@kernel(_HABITS, _HABITS)
def move(habits: Habits, old: Habits) -> None:
    """Put all of `old` into `habits`, which has none of them and room for all."""
    for place in range(old.shape[0]):
        if old[place]["key"] != np.uint64(0):
            habits[slot_of(habits, old[place]["key"])] = old[place]
