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


def code_of_sql(key: str) -> str:
    """SQL for the same, of a column with names of buckets."""
    return (
        f"CASE WHEN {key} = '{ZERO}' THEN 0 WHEN left({key}, 1) = 'n' THEN -substr({key}, 2)::int - {OFFSET} "
        f"ELSE {key}::int + {OFFSET} END"
    )


def value_of(bucket: str) -> float:
    """The value that stands for all values of a bucket."""
    return log_buckets.value_of(code_of(bucket))


def percentile(buckets: Mapping[str, int], q: float) -> float | None:
    """The nearest-rank percentile, 0 <= q <= 1, within 1 % of the value itself; None over nothing."""
    return log_buckets.percentile(((code_of(bucket), count) for bucket, count in buckets.items()), q)


@dataclass(slots=True)
class Distribution:
    """How often which values occurred. Not safe for several threads at once: lock around `add`.

    `sum`, `min` and `max` are None where a client didn't send them.
    """

    count: int = 0
    sum: float | None = 0.0
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
        """Of the values; where their sum isn't known, within 1 % of the mean of what `buckets` hold."""
        if not self.count:
            return None
        if self.sum is not None:
            return self.sum / self.count
        total = sum(self.buckets.values())
        return sum(value_of(bucket) * (n / total) for bucket, n in self.buckets.items()) if total else None

    def add(self, value: float) -> None:
        self._widen(1, value, value, value)
        bucket = bucket_of(value)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Distribution) -> None:
        """Take in everything that the other one counted."""
        if not other.count:
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

    def _widen(self, count: int, total: float | None, low: float | None, high: float | None) -> None:
        is_first = not self.count
        self.count += count
        self.sum = None if self.sum is None or total is None else self.sum + total
        if low is None or high is None or (not is_first and (self.min is None or self.max is None)):
            self.min = self.max = None
        else:
            self.min = low if self.min is None else min(self.min, low)
            self.max = high if self.max is None else max(self.max, high)
