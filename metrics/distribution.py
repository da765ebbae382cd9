"""Distributions of points: the log buckets of `storage.log_buckets` under names that JSON can hold.

A value x > 0 lies in bucket `"<floor(ln x / ln 1.02)>"`, 0 in `"zero"`, a negative one in the mirrored `"n<index>"`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from storage import log_buckets
from storage.log_buckets import OFFSET

ZERO = "zero"


def bucket_of(value: float) -> str:
    """The name of the bucket a finite value lies in."""
    code = log_buckets.code_of(value)
    if code == 0:
        return ZERO
    return str(code - OFFSET) if code > 0 else f"n{-code - OFFSET}"


def code_of(bucket: str) -> int:
    """The code that roll-ups keep a bucket under."""
    if bucket == ZERO:
        return 0
    return -int(bucket[1:]) - OFFSET if bucket.startswith("n") else int(bucket) + OFFSET


def value_of(bucket: str) -> float:
    """The value that stands for all values of a bucket."""
    return log_buckets.value_of(code_of(bucket))


def percentile(buckets: Mapping[str, int], q: float) -> float | None:
    """The nearest-rank percentile, 0 <= q <= 1, within 1 % of the value itself; None over nothing."""
    return log_buckets.percentile(((code_of(bucket), count) for bucket, count in buckets.items()), q)


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
