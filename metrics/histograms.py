"""Histograms of other formats as log buckets (see `metrics.distribution`).

Where the values lie inside a bucket isn't known. They are spread over up to 16 parts of it, as Prometheus'
`histogram_quantile` interpolates: linearly between explicit bounds, geometrically in exponential buckets. The n-th
value goes to a part of its own turn, so that a part's count never falls while the bucket's grows: cumulative
histograms can be subtracted log bucket by log bucket.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import pairwise

from metrics.distribution import ZERO, bucket_of
from storage.log_buckets import HIGHEST_INDEX, LOG_BASE, LOWEST_INDEX

MAX_BUCKETS = 2000
"""Of one histogram: each costs up to 16 log buckets. Clients use 16 to 320."""

MAX_PARTS = 16
MAX_LOG_BUCKETS = 4000
"""Of one histogram, about: with more than 250 buckets, each has fewer parts."""

LOWEST_SCALE, HIGHEST_SCALE = -11, 20
"""Exponential scales that OpenTelemetry's clients use."""

_LOWEST_LOG, _HIGHEST_LOG = math.log(sys.float_info.min), math.log(sys.float_info.max)
_KEPT_PLACES = 8192
"""Buckets whose log buckets are remembered, 1 KB each at most: series have the same ones each time."""

Places = tuple[str, ...]
"""The log buckets of one bucket's parts, in the order in which values go to them."""


def log_buckets_of_bounds(bounds: Sequence[float], counts: Sequence[int]) -> dict[str, int]:
    """Log buckets of explicit ones: `counts[i]` values in (bounds[i - 1], bounds[i]], the last ones beyond all bounds.

    The first bucket begins at 0 where its bound is positive. Values of a bucket without an end count as the bound
    it has, those of a histogram without bounds are nowhere. Raises ValueError.
    """
    if len(bounds) > MAX_BUCKETS:
        raise ValueError(f"a histogram has at most {MAX_BUCKETS:,} buckets")
    if len(counts) != len(bounds) + 1 and (bounds or counts):
        raise ValueError(f"{len(bounds)} bounds need {len(bounds) + 1} counts, not {len(counts)}")
    if not all(map(math.isfinite, bounds)) or not all(low < high for low, high in pairwise(bounds)):
        raise ValueError("the bounds of a histogram must be finite and rise")
    found: dict[str, int] = {}
    most_parts = most_parts_of(len(counts))
    edges = (-math.inf, *bounds, math.inf)
    for position, count in enumerate(counts):
        if count:
            _spread(found, _between(edges[position], edges[position + 1], most_parts), count)
    return found


def log_buckets_of_exponential(  # noqa: PLR0917  # the parts of OTLP's message, in its order
    scale: int,
    zero_count: int,
    positive_offset: int,
    positive_counts: Sequence[int],
    negative_offset: int,
    negative_counts: Sequence[int],
    most_parts: int | None = None,
) -> dict[str, int]:
    """Log buckets of OTLP's exponential ones: `positive_counts[i]` values in (b^(offset + i), b^(offset + i + 1)].

    b is 2^(2^-scale). What lies beyond the range of a double counts as its end. `most_parts` is for callers who have
    the buckets of one histogram piece by piece. Raises ValueError.
    """
    if len(positive_counts) + len(negative_counts) > MAX_BUCKETS:
        raise ValueError(f"a histogram has at most {MAX_BUCKETS:,} buckets")
    if not LOWEST_SCALE <= scale <= HIGHEST_SCALE:
        raise ValueError(f"the scale of a histogram lies between {LOWEST_SCALE} and {HIGHEST_SCALE}")
    found: dict[str, int] = {}
    most_parts = most_parts or most_parts_of(len(positive_counts) + len(negative_counts))
    for sign, offset, counts in (
        ("", positive_offset, positive_counts),
        ("n", negative_offset, negative_counts),
    ):
        for index, count in enumerate(counts, start=offset):
            if count:
                _spread(found, _exponential(sign, scale, index, most_parts), count)
    if zero_count:
        _spread(found, (ZERO,), zero_count)
    return found


def most_parts_of(bucket_count: int) -> int:
    """Of each bucket of a histogram with so many, empty ones too: their number changes less than what is in them."""
    return min(MAX_PARTS, max(MAX_LOG_BUCKETS // max(bucket_count, 1), 1))


def _spread(found: dict[str, int], places: Places, count: int) -> None:
    if count < 0:
        raise ValueError("a count of a histogram is negative")
    if not places:
        return
    each, rest = divmod(count, len(places))
    if each:
        for place in places:
            found[place] = found.get(place, 0) + each
    for place in places[:rest]:
        found[place] = found.get(place, 0) + 1


@lru_cache(maxsize=_KEPT_PLACES)
def _between(low: float, high: float, most_parts: int) -> Places:
    """The log buckets of (low, high]."""
    if high == math.inf:
        return () if low == -math.inf else (bucket_of(low),)
    if low == -math.inf:
        if high <= 0:
            return (bucket_of(high),)
        low = 0.0
    ratio = max(abs(low), abs(high)) / min(abs(low), abs(high)) if low * high > 0 else math.inf
    width = math.log(ratio) / LOG_BASE if ratio < math.inf else math.inf
    # Not low + share * (high - low): the difference may be beyond a double.
    return _in_turn(width, most_parts, lambda share: bucket_of(low * (1 - share) + high * share))


@lru_cache(maxsize=_KEPT_PLACES)
def _exponential(sign: str, scale: int, index: int, most_parts: int) -> Places:
    base_log = math.ldexp(math.log(2), -scale)
    low = min(max(index * base_log, _LOWEST_LOG), _HIGHEST_LOG)
    high = min(max((index + 1) * base_log, _LOWEST_LOG), _HIGHEST_LOG)

    def place(share: float) -> str:
        log_index = math.floor((low * (1 - share) + high * share) / LOG_BASE)
        return f"{sign}{min(max(log_index, LOWEST_INDEX), HIGHEST_INDEX)}"

    return _in_turn((high - low) / LOG_BASE, most_parts, place)


def _in_turn(width: float, most_parts: int, place: Callable[[float], str]) -> Places:
    """The middles of a bucket's parts in van der Corput's order: the half first, then the quarters, then the eighths.

    A bucket has as many parts as it is log buckets wide, and a power of two. However few its values are, they lie
    about evenly.
    """
    bits = int(math.log2(min(max(width, 1), most_parts)))
    parts = 1 << bits
    return tuple(place((_reversed(turn % parts, bits) + 0.5) / parts) for turn in range(1, parts + 1))


def _reversed(number: int, bits: int) -> int:
    turned = 0
    for _ in range(bits):
        turned, number = turned << 1 | number & 1, number >> 1
    return turned
