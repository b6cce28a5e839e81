"""What is left of a count as time passes: it halves every half-life, by the same bits on every machine."""

import math
from functools import lru_cache

_WIDTH = 8  # bits a table
_TABLES = 5  # 40 bits of the fraction of a half-life: finer than a millisecond in one of a year


def _tables() -> tuple[tuple[float, ...], ...]:
    """For each 8 bits of the fraction, the most significant first, 2^-fraction.

    From square roots, which IEEE 754 rounds correctly, and products; `pow` differs between C libraries.
    """
    root, roots = 0.5, []
    for _ in range(_WIDTH * _TABLES):
        root = math.sqrt(root)
        roots.append(root)
    tables = []
    for first in range(0, len(roots), _WIDTH):
        table = [1.0]
        for root in reversed(roots[first : first + _WIDTH]):
            table += [left * root for left in table]
        tables.append(tuple(table))
    return tuple(tables)


_A, _B, _C, _D, _E = _tables()


@lru_cache(maxsize=1024)  # in a flood, when it matters, nearly all that is asked for was a short while ago
def remaining(elapsed_ms: int, half_life_ms: int) -> float:
    """2^(-elapsed/half-life), strictly falling with each millisecond until it is too small for a float.

    Exact divisions and products only, so that a replay on another machine gives the same bits.
    """
    whole, rest = divmod(elapsed_ms, half_life_ms)
    if whole > 1100:
        return 0.0
    bits = (rest << 40) // half_life_ms
    left = _A[bits >> 32] * _B[bits >> 24 & 255] * _C[bits >> 16 & 255] * _D[bits >> 8 & 255] * _E[bits & 255]
    return math.ldexp(left, -whole)
