"""How many may be like those that a lot drew, with 95 % confidence, of one week or of several that drew at other rates.

Of one week it is Clopper's and Pearson's interval ("The use of confidence or fiducial limits", Biometrika 26, 1934),
with the hypergeometric distribution in place of the binomial one since the draw is from so many, without replacement
(Buonaccorsi, "A note on confidence intervals for proportions in finite populations", The American Statistician 41,
1987): it holds for few and for none at all, is rather too wide than too narrow, and shrinks to nothing where all was
graded.

Several weeks drew independently, and each another share, so that they must not be thrown together. How unlikely the
draw of each would be is put together as Fisher does ("Statistical Methods for Research Workers", 4th edition, 1932):
under the truth -2 log of the product of n such chances exceeds a chi-square of 2n degrees no more often than that does.
The most there may be is the largest sum over the weeks that this does not rule out. It holds exactly too, and is
narrower than the sum of each week's own interval, since not all weeks are unlucky at once.
"""

from collections.abc import Callable, Iterable
from math import comb, exp
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

_TAIL = (1, 40)  # 2.5 %, as a fraction: no rounding decides
_SLACK = 1e-9  # far above what rounding does to a sum of logarithms: rather too wide


class Drawn(NamedTuple):
    """Of `whole` that were drawn from a week's `population` and graded, `part` are what is counted."""

    part: int
    whole: int
    population: int


def interval(weeks: Iterable[Drawn]) -> tuple[int, int]:
    """The fewest and the most of all that may be like the `part`, with 95 % confidence."""
    known = list(weeks)
    others = [Drawn(one.whole - one.part, one.whole, one.population) for one in known]
    return sum(one.population for one in known) - _most(others), _most(known)


def _most(weeks: list[Drawn]) -> int:
    """The most with which as few as these are not too unlikely."""
    unsure = [one for one in weeks if 0 < one.whole < one.population]
    # Where all were graded there is no doubt, and where none was there is nothing but.
    sure = sum(one.part if one.whole else one.population for one in weeks if one not in unsure)
    if len(unsure) <= 1:
        return sure + sum(_most_of(one) for one in unsure)
    # Each one more in a week costs what it makes that week's draw less likely, and the cheapest are taken first. No
    # choice of so many costs less, so that as many as can be paid for are a bound.
    steps = np.sort(np.concatenate([np.diff(_unlikely(one)) for one in unsure]))
    paid = np.searchsorted(np.cumsum(steps), _allowed(len(unsure)) + _SLACK, side="right")
    return sure + sum(one.part for one in unsure) + int(paid)


def _most_of(week: Drawn) -> int:
    part, whole, population = week
    last = population - (whole - part)  # what was seen is certain
    return last - _first(0, last - part, lambda fewer: _is_likely(week, last - fewer))


def _is_likely(week: Drawn, number: int) -> bool:
    """Whether drawing at most `part` of the `number` in the population has more than 2.5 %."""
    part, whole, population = week
    ways = sum(comb(number, k) * comb(population - number, whole - k) for k in range(part + 1))
    return ways * _TAIL[1] > comb(population, whole) * _TAIL[0]


def _first(low: int, high: int, is_so: Callable[[int], bool]) -> int:
    """The first in [low, high] for which it is so; for the last it is, and for all from the first on."""
    while low < high:
        middle = (low + high) // 2
        if is_so(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _unlikely(week: Drawn) -> npt.NDArray[np.float64]:
    """Minus the logarithm of the chance to draw at most `part`, for each number in the population that can be."""
    part, whole, population = week
    factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, population + 1)))])
    number = np.arange(part, population - (whole - part) + 1)
    chance = np.full(len(number), -np.inf)
    for k in range(part + 1):
        rest = population - number - (whole - k)
        ways = (
            *(factorial[number], -factorial[k], -factorial[number - k]),
            *(factorial[population - number], -factorial[whole - k], -factorial[np.maximum(rest, 0)]),
        )
        chance = np.logaddexp(chance, np.where(rest < 0, -np.inf, sum(ways)))
    all_ways = factorial[population] - factorial[whole] - factorial[population - whole]
    return np.maximum.accumulate(all_ways - chance)  # it only grows, but for rounding


def _allowed(weeks: int) -> float:
    """Half the chi-square of two degrees a week that is exceeded in 2.5 %."""
    low, high = 0.0, 40.0 + 4.0 * weeks
    for _ in range(80):
        middle = (low + high) / 2
        term = tail = exp(-middle)  # of as many terms as weeks: an even number of degrees has a sum for its tail
        for number in range(1, weeks):
            term *= middle / number
            tail += term
        low, high = (middle, high) if tail * _TAIL[1] > _TAIL[0] else (low, middle)
    return high
