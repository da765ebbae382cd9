"""Probabilities of the normal, Student's t and the chi-square distribution. Pure, to about ten digits.

Own formulas, because scipy would add 100 MB to the installation for three of them.
"""

from __future__ import annotations

import math
from typing import Final

Z95: Final = 1.959963984540054
"""The normal distribution has 95 % of itself within +- this."""

_TINY = 1e-300
_MAX_TERMS = 100_000


def two_sided_normal(z: float) -> float:
    """How often a standard normal value is at least as far from 0 as z."""
    return math.erfc(abs(z) / math.sqrt(2))


def two_sided_t(t: float, freedom: float) -> float:
    """How often Student's t is at least as far from 0 as t (Abramowitz and Stegun 26.7.1 with 26.5.27)."""
    square = t * t
    if math.isinf(square):
        return 0.0
    return _beta_ratio(freedom / 2, 0.5, freedom / (freedom + square))


def t95(freedom: float) -> float:
    """Student's t has 95 % of itself within +- this; `freedom` is at least 1."""
    low, high = Z95, 12.75
    while high - low > 1e-12 * high:
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if two_sided_t(middle, freedom) > 0.05 else (low, middle)
    return (low + high) / 2


def chi_square_tail(x: float, freedom: int) -> float:
    """How often chi-square with so many degrees of freedom is at least x (Abramowitz and Stegun 26.4.4 and 26.4.5)."""
    if x <= 0:
        return 1.0
    half = x / 2
    if freedom % 2:
        tail, term, power = math.erfc(math.sqrt(half)), math.exp(-half) * math.sqrt(half / math.pi) * 2, 1.5
    else:
        tail, term, power = 0.0, math.exp(-half), 1.0
    for _ in range(freedom // 2):
        tail += term
        term *= half / power
        power += 1
    return min(tail, 1.0)


def _beta_ratio(a: float, b: float, x: float) -> float:
    """The regularised incomplete beta function I_x(a, b) by its continued fraction (DLMF 8.17.22, Lentz' method)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        # Where the fraction converges slowly, the other end's does fast (DLMF 8.17.4).
        return 1 - _beta_ratio(b, a, 1 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    )
    return front * _fraction(a, b, x) / a


def _fraction(a: float, b: float, x: float) -> float:
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    found = d
    for m in range(1, _MAX_TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        for numerator in (even, odd):
            d = 1 / _not_zero(1 + numerator * d)
            c = _not_zero(1 + numerator / c)
            found *= c * d
        if abs(c * d - 1) < 1e-15:
            break
    return found


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
