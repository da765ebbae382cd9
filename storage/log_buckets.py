"""Distributions as log buckets of 2 %: deterministic, merged by adding, percentiles within 1 % of the true value.

A bucket's code is an int that sorts as its values do: `floor(ln x / ln 1.02) + 40000` for x > 0, 0 for 0, and the
negative of the code of -x for x < 0. Roll-ups keep a distribution as two arrays, `int[]` of codes in order and
`bigint[]` of counts. The expressions here are the same in Python and in SQL, so both agree on every bucket.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

BASE = 1.02
LOG_BASE = math.log(BASE)
OFFSET = 40_000
"""Beyond the index of the smallest double (-37,588), so that codes of positive values stay positive."""

MIDDLE = 2 * BASE / (1 + BASE)
"""Times the lower edge: the point whose relative distance to both edges is the same, 0.99 %."""

LOWEST_INDEX, HIGHEST_INDEX = -35_000, 35_800
"""Beyond these `exp` leaves the range of a double, which PostgreSQL refuses; such values count as 1e-301 and 1e307."""


def code_of(value: float) -> int:
    """The bucket a finite value lies in."""
    if value == 0:
        return 0
    code = math.floor(math.log(abs(value)) / LOG_BASE) + OFFSET
    return code if value > 0 else -code


def value_of(code: int) -> float:
    """The value that stands for all values of a bucket."""
    if code == 0:
        return 0.0
    index = min(max(abs(code) - OFFSET, LOWEST_INDEX), HIGHEST_INDEX)
    return math.copysign(math.exp(index * LOG_BASE) * MIDDLE, code)


def percentile(buckets: Iterable[tuple[int, int]], q: float) -> float | None:
    """The nearest-rank percentile, 0 <= q <= 1, over (code, count) pairs; None over nothing."""
    ordered = sorted(buckets)
    rank = max(1, math.ceil(q * sum(count for _, count in ordered)))
    for code, count in ordered:
        rank -= count
        if rank <= 0:
            return value_of(code)
    return None


def code_sql(value: str) -> str:
    """SQL for the code of a double; NULL for NULL, NaN and infinities."""
    return (
        f"CASE WHEN {value} = 0 THEN 0 "
        f"WHEN {value} > 0 AND {value} < 'Infinity' THEN floor(ln({value}) / ln(1.02::float8))::int + {OFFSET} "
        f"WHEN {value} < 0 AND {value} > '-Infinity' THEN -floor(ln(-{value}) / ln(1.02::float8))::int - {OFFSET} "
        "END"
    )


def value_sql(code: str) -> str:
    """SQL for the value that stands for a bucket."""
    return (
        f"CASE WHEN {code} = 0 THEN 0 ELSE sign({code}) * {MIDDLE!r} * "
        f"exp(least(greatest(abs({code}) - {OFFSET}, {LOWEST_INDEX}), {HIGHEST_INDEX}) * ln(1.02::float8)) END"
    )


def percentile_sql(q: float, code: str = "code", seen: str = "seen", total: str = "total") -> str:
    """SQL aggregate: the nearest-rank percentile over rows of buckets, each with its code, the count up to and with
    it (`seen`) and the count of all (`total`)."""
    return value_sql(f"min({code}) FILTER (WHERE {seen} >= greatest(1, ceil({q} * {total})))")
