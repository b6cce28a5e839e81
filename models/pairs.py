"""Which templates begin together more often than by chance, and which of the two begins first."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from models.history import Flags, Floats, Ints, Numbers, Onsets

EVENT_WINDOW_MS = 10_000  # with 20 s AUC .75 for .87, with 5 s .86 (of benchmarks/quality/pairs.py, attacks apart)
STATE_WINDOW_MS = 60_000  # a state is looked at every 15 to 60 s, which blurs "together"
SHRINK = 0.25  # as if a quarter of a meeting had been seen where as much was due: a pair seen once proves little
EVEN = 2  # meetings that went either way, assumed before any is seen
MOST_PAIRS = 1_000_000
FARTHEST = 512  # of what begins within the window of one beginning, so many are paired with it
AVOIDING = 1.5  # expected meetings, of which none was seen, from which on that says something
MOST_AVOIDING = 2_000  # templates, the most frequent, among which such pairs are looked for
_CHUNK = 4_000_000  # meetings that are held at a time


class Pairs(NamedTuple):
    """Pairs of templates, `a < b` or the same, in order; `leads` is above 0 where `a` usually begins first."""

    a: Numbers
    b: Numbers
    lift: Floats
    leads: Floats
    together: Numbers  # how often they met


class _Episodes(NamedTuple):
    """Beginnings of templates: of several of one template that follow each other within its window, the first."""

    at_ms: Ints
    template: Numbers
    place: Numbers


def pairs_of(onsets: Onsets, is_state: Flags, span_ms: Ints) -> Pairs:
    """Every pair that met, and those of frequent templates that strangely never did; of too many, the best known.

    `is_state` says of each template whether its sources tell when it ends, `span_ms` of each place how long it was
    watched. Lift = (met + SHRINK) / (expected + SHRINK), where of two that have nothing to do with each other
    n_a · n_b · 2 window / span meetings are expected, summed over places (a Gamma-Poisson shrinkage, as DuMouchel
    1999). Sums, quotients and square roots only, so that the bits are the same on every machine.
    """
    window_ms = np.where(is_state, STATE_WINDOW_MS, EVENT_WINDOW_MS)
    episodes = _episodes(onsets, window_ms)
    templates = len(is_state)
    rate = _rates(episodes, templates, span_ms)
    key, met, first = _meetings(episodes, window_ms, templates)
    a, b = key // templates, key % templates
    expected = _expected(rate, a, b) * 2 * np.maximum(window_ms[a], window_ms[b])
    lone_a, lone_b, lone_expected = _avoiding(rate, window_ms, key)
    own, own_met, own_expected = _with_itself(onsets, window_ms, span_ms)
    a, b = np.concatenate([a, lone_a, own]), np.concatenate([b, lone_b, own])
    met = np.concatenate([met, np.zeros(len(lone_a), np.int64), own_met])
    first = np.concatenate([first, np.zeros(len(lone_a) + len(own), np.int64)])
    expected = np.concatenate([expected, lone_expected, own_expected])
    best = np.sort(np.lexsort((b, a, -np.maximum(met, expected)))[:MOST_PAIRS])
    best = best[np.lexsort((b[best], a[best]))]
    return Pairs(
        a[best].astype(np.int32),
        b[best].astype(np.int32),
        ((met[best] + SHRINK) / (expected[best] + SHRINK)).astype(np.float32),
        (first[best] / (met[best] + EVEN)).astype(np.float32),
        np.minimum(met[best], np.iinfo(np.int32).max).astype(np.int32),
    )


def _episodes(onsets: Onsets, window_ms: Ints) -> _Episodes:
    order = np.lexsort((onsets.at_ms, onsets.template, onsets.place))
    at_ms, template, place = onsets.at_ms[order], onsets.template[order], onsets.place[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (np.diff(template) != 0) | (np.diff(place) != 0) | (np.diff(at_ms) > window_ms[template[1:]])
    first = np.flatnonzero(begins)
    first = first[np.lexsort((template[first], at_ms[first], place[first]))]
    return _Episodes(at_ms[first], template[first], place[first])


def _rates(episodes: _Episodes, templates: int, span_ms: Ints) -> sparse.csr_array:
    """A row a template, a column a place: episodes per square root of a millisecond, so that products are rates."""
    ones = np.ones(len(episodes.place))
    counts = sparse.csr_array((ones, (episodes.template, episodes.place)), shape=(templates, len(span_ms)))
    counts.data /= np.sqrt(np.maximum(span_ms, 10 * STATE_WINDOW_MS).astype(np.float64))[counts.indices]
    return counts


def _meetings(episodes: _Episodes, window_ms: Ints, templates: int) -> tuple[Ints, Ints, Ints]:
    """Of each pair that met, as a · templates + b: how often, and how much more often `a` began first than `b`."""
    tally = _Tally()
    alive = np.arange(len(episodes.at_ms))
    widest_ms = int(window_ms.max(initial=0))
    for ahead in range(1, FARTHEST + 1):
        alive = alive[alive + ahead < len(episodes.at_ms)]
        later_ms = episodes.at_ms[alive + ahead] - episodes.at_ms[alive]
        is_near = (episodes.place[alive + ahead] == episodes.place[alive]) & (later_ms <= widest_ms)
        alive, later_ms = alive[is_near], later_ms[is_near]
        if not len(alive):
            break
        one = episodes.template[alive].astype(np.int64)
        other = episodes.template[alive + ahead].astype(np.int64)
        met = (one != other) & (later_ms <= np.maximum(window_ms[one], window_ms[other]))
        one, other, later_ms = one[met], other[met], later_ms[met]
        key = np.minimum(one, other) * templates + np.maximum(one, other)
        tally.add(key, np.where(later_ms == 0, 0, np.where(one < other, 1, -1)))
    return tally.total()


class _Tally:
    """Counts meetings by pair, and never holds many more than _CHUNK of them."""

    def __init__(self) -> None:
        none = np.zeros(0, np.int64)
        self._parts: list[tuple[Ints, Ints, Ints]] = [(none, none, none)]
        self._held = 0

    def add(self, key: Ints, first: Ints) -> None:
        """One meeting each."""
        self._parts.append((key, np.ones(len(key), np.int64), first))
        self._held += len(key)
        if self._held > _CHUNK:
            self._parts = [self.total()]
            self._held = len(self._parts[0][0])

    def total(self) -> tuple[Ints, Ints, Ints]:
        """Each pair once, in order, with its sums."""
        keys, mets, firsts = (np.concatenate(several) for several in zip(*self._parts, strict=True))
        key, place = np.unique(keys, return_inverse=True)
        met, first = np.zeros(len(key), np.int64), np.zeros(len(key), np.int64)
        np.add.at(met, place, mets)
        np.add.at(first, place, firsts)
        return key, met, first


def _expected(rate: sparse.csr_array, a: Ints, b: Ints) -> NDArray[np.float64]:
    """n_a · n_b / span, summed over places."""
    found = np.zeros(len(a))
    for start in range(0, len(a), _CHUNK):
        part = slice(start, start + _CHUNK)
        found[part] = rate[a[part]].multiply(rate[b[part]]).sum(axis=1)
    return found


def _avoiding(rate: sparse.csr_array, window_ms: Ints, met: Ints) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Pairs that never met though at least AVOIDING meetings were to be expected."""
    templates = len(window_ms)
    total = rate.sum(axis=1)
    often = np.sort(np.lexsort((np.arange(templates), -total))[:MOST_AVOIDING])
    product = sparse.triu(rate[often] @ rate[often].T, k=1).tocoo()
    a, b = often[product.row], often[product.col]
    expected = product.data * 2 * np.maximum(window_ms[a], window_ms[b])
    strange = (expected >= AVOIDING) & ~np.isin(a * templates + b, met)
    return a[strange], b[strange], expected[strange]


def _with_itself(onsets: Onsets, window_ms: Ints, span_ms: Ints) -> tuple[Ints, Ints, NDArray[np.float64]]:
    """Templates that began on several things one after the other within the window: how often, and expected."""
    order = np.lexsort((onsets.at_ms, onsets.template, onsets.place))
    at_ms, template, place, thing = (column[order] for column in onsets[:4])
    key = place.astype(np.int64) * len(window_ms) + template
    is_next = (np.diff(key) == 0) & (np.diff(thing) != 0) & (np.diff(at_ms) <= window_ms[template[1:]])
    keys, size = np.unique(key, return_counts=True)
    template = keys % len(window_ms)
    # In slots as long as the window, one in n_slots / (n + n_slots) of those that begin has the next one behind it.
    many = size * window_ms[template] / np.maximum(span_ms[keys // len(window_ms)], 10 * STATE_WINDOW_MS)
    expected, met = np.zeros(len(window_ms)), np.zeros(len(window_ms), np.int64)
    np.add.at(expected, template, size * many / (1 + many))
    np.add.at(met, key[1:][is_next] % len(window_ms), 1)
    own = np.flatnonzero((met > 0) | (expected >= AVOIDING))
    return own, met[own], expected[own]
