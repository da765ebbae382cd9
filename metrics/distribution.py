"""Distributions as log buckets: deterministic, merged by adding, percentiles within 1 % of the true value.

A value x > 0 lies in bucket `"<floor(ln x / ln 1.02)>"`, 0 in `"zero"`, a negative one in the mirrored `"n<index>"`.
The same expression works in SQL, so that roll-ups and this process agree on every bucket.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

BASE = 1.02
LOG_BASE = math.log(BASE)
MIDDLE = 2 * BASE / (1 + BASE)
"""Times the lower edge: the point whose relative distance to both edges is the same, 0.99 %."""

ZERO = "zero"


def bucket_of(value: float) -> str:
    """The name of the bucket a finite value lies in."""
    if value == 0:
        return ZERO
    index = math.floor(math.log(abs(value)) / LOG_BASE)
    return str(index) if value > 0 else f"n{index}"


def value_of(bucket: str) -> float:
    """The value that stands for all values of a bucket."""
    if bucket == ZERO:
        return 0.0
    if bucket.startswith("n"):
        return -math.exp(int(bucket[1:]) * LOG_BASE) * MIDDLE
    return math.exp(int(bucket) * LOG_BASE) * MIDDLE


def percentile(buckets: Mapping[str, int], q: float) -> float | None:
    """The nearest-rank percentile, 0 <= q <= 1, within 1 % of the value itself; None over nothing."""
    rank = max(1, math.ceil(q * sum(buckets.values())))
    for value, count in sorted((value_of(bucket), count) for bucket, count in buckets.items()):
        rank -= count
        if rank <= 0:
            return value
    return None


@dataclass(slots=True)
class Distribution:
    """How often which values occurred. Not safe for several threads at once: lock around `add`."""

    count: int = 0
    sum: float = 0.0
    min: float | None = None
    max: float | None = None
    buckets: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, values: Iterable[float]) -> Distribution:
        made = cls()
        for value in values:
            made.add(value)
        return made

    @property
    def mean(self) -> float | None:
        return self.sum / self.count if self.count else None

    def add(self, value: float) -> None:
        self._widen(1, value, value, value)
        bucket = bucket_of(value)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Distribution) -> None:
        """Take in everything that the other one counted."""
        if not other.count or other.min is None or other.max is None:
            return
        self._widen(other.count, other.sum, other.min, other.max)
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def percentile(self, q: float) -> float | None:
        """As `percentile` over the buckets, kept inside the smallest and largest value seen."""
        value = percentile(self.buckets, q)
        if value is None or self.min is None or self.max is None:
            return value
        return min(max(value, self.min), self.max)

    def _widen(self, count: int, total: float, low: float, high: float) -> None:
        self.count += count
        self.sum += total
        self.min = low if self.min is None else min(self.min, low)
        self.max = high if self.max is None else max(self.max, high)
