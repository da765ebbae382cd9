"""Native histograms as distributions: spans and deltas become the log buckets that everything here is added up in.

Whole counts stay exact; those of float histograms are rounded, and the original is kept beside them.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any

from ingest.protocols.remote_write import v1_pb2, v2_pb2
from metrics.distribution import Distribution
from metrics.histograms import (
    MAX_BUCKETS,
    log_buckets_of_bounds,
    log_buckets_of_exponential,
    most_parts_of,
)

AnyHistogram = v1_pb2.Histogram | v2_pb2.Histogram
Span = v1_pb2.BucketSpan | v2_pb2.BucketSpan

LOWEST_SCHEMA, HIGHEST_SCHEMA = -4, 8
CUSTOM_BOUNDS = -53
GAUGE = 3
"""`reset_hint` of a histogram that isn't cumulative."""

MAX_COUNT = 2**63 - 1
MAX_INDEX = 2**31


class Runs:
    """One side of a histogram: runs of buckets beside each other, each with the index of its first one."""

    def __init__(self, spans: Sequence[Span], deltas: Sequence[int], floats: Sequence[float]) -> None:
        counts = list(accumulate(deltas)) if deltas else list(floats)
        _check_counts(counts)
        lengths = sum(span.length for span in spans)
        if lengths != len(counts):
            raise ValueError(f"the spans of the histogram have {lengths} buckets, its counts {len(counts)}")
        if len(counts) > MAX_BUCKETS:
            raise ValueError(f"a histogram has at most {MAX_BUCKETS:,} buckets")
        self.counts = counts
        self.spans = list(_placed(spans))

    def __iter__(self) -> Iterator[tuple[int, list[int]]]:
        """(index of the first bucket, counts) of each run."""
        taken = 0
        for first, length in self.spans:
            yield first, [round(count) for count in self.counts[taken : taken + length]]
            taken += length

    def as_json(self) -> dict[str, Any]:
        return {"spans": [list(span) for span in self.spans], "counts": self.counts}


def _placed(spans: Iterable[Span]) -> Iterator[tuple[int, int]]:
    """(index of the first bucket, length); an offset counts from the end of the span before."""
    index = 0
    for position, span in enumerate(spans):
        if position and span.offset < 0:
            raise ValueError("the spans of the histogram overlap")
        index += span.offset
        if abs(index) > MAX_INDEX:
            raise ValueError("a bucket of the histogram lies too far out")
        if span.length:
            yield index, span.length
        index += span.length


def _check_counts(counts: Iterable[float]) -> None:
    for count in counts:
        if not 0 <= count <= MAX_COUNT:
            raise ValueError("a count of the histogram is negative or too large")


def number_count(histogram: AnyHistogram) -> int:
    """How many counts and bounds it was sent with."""
    return (
        len(histogram.positive_deltas)
        + len(histogram.positive_counts)
        + len(histogram.negative_deltas)
        + len(histogram.negative_counts)
        + len(histogram.custom_values)
    )


def distribution_of(histogram: AnyHistogram) -> tuple[Distribution, dict[str, Any]]:
    """The distribution and the original for people. Raises ValueError for a histogram that contradicts itself."""
    is_float = histogram.WhichOneof("count") == "count_float"
    count = histogram.count_float if is_float else histogram.count_int
    zero_count = histogram.zero_count_float if is_float else histogram.zero_count_int
    _check_counts((count, zero_count))
    positive = Runs(histogram.positive_spans, histogram.positive_deltas, histogram.positive_counts)
    negative = Runs(histogram.negative_spans, histogram.negative_deltas, histogram.negative_counts)
    seen = zero_count + sum(positive.counts) + sum(negative.counts)
    # Observations of NaN lie in no bucket. Float counts needn't add up to the last digit.
    if not is_float and (seen > count if math.isnan(histogram.sum) else seen != count):
        raise ValueError(f"the buckets of the histogram have {seen} observations, its count is {count}")
    if histogram.schema == CUSTOM_BOUNDS:
        buckets, original = _custom(histogram, positive)
    else:
        buckets, original = _exponential(histogram, positive, negative, zero_count)
    return Distribution(count=round(count), sum=histogram.sum, buckets=buckets), original


def _custom(histogram: AnyHistogram, runs: Runs) -> tuple[dict[str, int], dict[str, Any]]:
    bounds = list(histogram.custom_values)
    if len(bounds) > MAX_BUCKETS:
        raise ValueError(f"a histogram has at most {MAX_BUCKETS:,} buckets")
    counts = [0] * (len(bounds) + 1)
    for first, run in runs:
        if first < 0 or first + len(run) > len(counts):
            raise ValueError("a bucket of the histogram has no bounds")
        counts[first : first + len(run)] = run
    return log_buckets_of_bounds(bounds, counts), {"bounds": bounds, "counts": counts}


def _exponential(
    histogram: AnyHistogram, positive: Runs, negative: Runs, zero_count: float
) -> tuple[dict[str, int], dict[str, Any]]:
    schema = histogram.schema
    if not LOWEST_SCHEMA <= schema <= HIGHEST_SCHEMA:
        raise ValueError(f"the schema {schema} of the histogram is not known")
    buckets = log_buckets_of_exponential(schema, round(zero_count), 0, [], 0, [])
    most_parts = most_parts_of(len(positive.counts) + len(negative.counts))
    for is_negative, runs in ((False, positive), (True, negative)):
        for first, run in runs:
            # Prometheus' bucket i ends at base^i, OpenTelemetry's begins there.
            sides = (0, [], first - 1, run) if is_negative else (first - 1, run, 0, [])
            for name, number in log_buckets_of_exponential(schema, 0, *sides, most_parts).items():
                buckets[name] = buckets.get(name, 0) + number
    original = {
        "scale": schema,
        "zero_threshold": histogram.zero_threshold,
        "zero_count": zero_count,
        "positive": positive.as_json(),
        "negative": negative.as_json(),
    }
    return buckets, original
