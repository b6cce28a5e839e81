"""The natural logarithm by the same bits on every machine; that of C libraries differs in its last bit."""

import math
from functools import lru_cache

_ROOT_HALF = math.sqrt(0.5)
_LN_2 = 0.6931471805599453
_TERMS = tuple(1.0 / odd for odd in range(17, 0, -2))


def ln(x: float) -> float:
    """ln x of a positive x to about 1e-15: 2 artanh((m - 1) / (m + 1)) of the mantissa, by products and sums only."""
    mantissa, exponent = math.frexp(x)
    if mantissa < _ROOT_HALF:
        mantissa, exponent = 2.0 * mantissa, exponent - 1
    s = (mantissa - 1.0) / (mantissa + 1.0)
    z, sum_ = s * s, 0.0
    for term in _TERMS:
        sum_ = sum_ * z + term
    return exponent * _LN_2 + 2.0 * s * sum_


@lru_cache(maxsize=1 << 14)  # counts of tokens are mostly small, and mostly the same
def ln_of(count: int) -> float:
    """ln of a count."""
    return ln(float(count))
