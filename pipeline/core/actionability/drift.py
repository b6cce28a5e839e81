"""Drift: how far what is scored now lies from what a model was taught with, as one number a feature, 0 where nowhere.

The population stability index (Siddiqi, "Credit Risk Scorecards", 2006): over the tenths of what was taught, the sum of
(now - then) * ln(now / then), where both are shares. Its rule of thumb: below .1 nothing, above .25 look at it.
"""

from bisect import bisect_left
from collections.abc import Sequence
from math import log
from typing import NamedTuple

TENTHS = 10
FEWEST = 200  # values now: with fewer, chance alone moves it by about a tenth
_LEAST = 1e-3  # share: what never was there before may be there now


class Bins(NamedTuple):
    """Ranges of values, and the share of those taught that fell into each: up to each edge, and above the last."""

    edges: tuple[float, ...]
    shares: tuple[float, ...]

    def place(self, value: float) -> int:
        """Which range it is in."""
        return bisect_left(self.edges, value)


def bins_of(values: Sequence[float]) -> Bins:
    """The tenths of `values`, of which there must be some; what is there very often makes some of them one."""
    ordered = sorted(values)
    edges = sorted({float(ordered[len(ordered) * nth // TENTHS]) for nth in range(1, TENTHS)})
    counts = [0] * (len(edges) + 1)
    for value in ordered:
        counts[bisect_left(edges, value)] += 1
    return Bins(tuple(edges), tuple(count / len(ordered) for count in counts))


def psi(bins: Bins, counts: Sequence[float]) -> float | None:
    """The index of values that fell so often into each range; None: they are too few to say."""
    whole = sum(counts)
    if whole < FEWEST:
        return None
    both = [(max(then, _LEAST), max(count / whole, _LEAST)) for then, count in zip(bins.shares, counts, strict=True)]
    return sum((now - then) * log(now / then) for then, now in both)
