"""OTLP's histograms and summaries as distributions, with their buckets as they came beside."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from ingest.protocols.otlp.messages import Message, ValueAtQuantile
from ingest.protocols.otlp.values import BadRecord, parsed
from metrics.distribution import Distribution
from metrics.histograms import log_buckets_of_bounds, log_buckets_of_exponential

MAX_QUANTILES = 100
_PERCENTILES = {0.5: "percentile_50", 0.9: "percentile_90", 0.95: "percentile_95", 0.99: "percentile_99"}


@dataclass(slots=True)
class Measured:
    """What one point of a histogram or summary says."""

    distribution: Distribution
    histogram: dict[str, Any]
    percentiles: dict[str, float] = field(default_factory=dict)
    """By the name of their field."""


def number_count(point: Message) -> int:
    """How many numbers the buckets of a point have, of any kind."""
    if hasattr(point, "positive"):
        return len(point.positive.bucket_counts) + len(point.negative.bucket_counts)
    if hasattr(point, "bucket_counts"):
        return len(point.bucket_counts) + len(point.explicit_bounds)
    return len(point.quantile_values)


def of_histogram(point: Message) -> Measured:
    """Explicit bounds. Raises BadRecord."""
    bounds, counts = point.explicit_bounds, point.bucket_counts
    buckets = _log_buckets(lambda: log_buckets_of_bounds(bounds, counts))
    return Measured(_distribution(point, buckets), {"bounds": list(bounds), "counts": list(counts)})


def of_exponential_histogram(point: Message) -> Measured:
    """Bounds that are powers of 2^(2^-scale). Raises BadRecord."""
    positive, negative = point.positive, point.negative
    buckets = _log_buckets(
        lambda: log_buckets_of_exponential(
            point.scale,
            point.zero_count,
            positive.offset,
            positive.bucket_counts,
            negative.offset,
            negative.bucket_counts,
        )
    )
    histogram = {
        "scale": point.scale,
        "zero_count": point.zero_count,
        "positive": {"offset": positive.offset, "counts": list(positive.bucket_counts)},
        "negative": {"offset": negative.offset, "counts": list(negative.bucket_counts)},
    }
    return Measured(_distribution(point, buckets), histogram)


def of_summary(point: Message) -> Measured:
    """Count, sum and quantiles that the client worked out. Raises BadRecord."""
    if len(point.quantile_values) > MAX_QUANTILES:
        raise BadRecord("quantiles", f"a summary has at most {MAX_QUANTILES} quantiles", "too_many")
    pairs = [parsed(ValueAtQuantile, raw, "quantiles") for raw in point.quantile_values]
    quantiles = {pair.quantile: pair.value for pair in pairs}
    return Measured(
        Distribution(point.count, point.sum, None, None, {}),
        {"quantiles": {f"{quantile:g}": value for quantile, value in quantiles.items()}},
        {
            name: quantiles[quantile]
            for quantile, name in _PERCENTILES.items()
            if math.isfinite(quantiles.get(quantile, math.nan))
        },
    )


def _distribution(point: Message, buckets: dict[str, int]) -> Distribution:
    return Distribution(
        point.count,
        point.sum if point.HasField("sum") else None,
        point.min if point.HasField("min") else None,
        point.max if point.HasField("max") else None,
        buckets,
    )


def _log_buckets(work: Callable[[], dict[str, int]]) -> dict[str, int]:
    try:
        return work()
    except ValueError as error:
        raise BadRecord("histogram", str(error)) from None
