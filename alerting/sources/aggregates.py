"""One number out of a window's points, for one series or several at once. Pure."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from alerting.sources.samples import PERCENTILES, Aggregation
from alerting.state import Sample
from metrics.distribution import bucket_of, percentile

GIVEN_REMARK = "maximum of the given percentiles"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesWindow:
    """What one series has in the window; which fields are filled depends on the aggregation asked for.

    `count` and `total` are over observations: a distribution point counts as all it holds.
    `low` and `high` are NaN where a distribution among them doesn't know its own: no extreme is known then.
    `buckets` are those of `metrics.distribution`.
    `given` is the highest percentile that came ready-made. `rate` is per second.
    """

    count: float = 0
    total: float = 0
    low: float | None = None
    high: float | None = None
    last: float | None = None
    last_at: datetime | None = None
    values: Sequence[float] = ()
    buckets: Mapping[str, int] = field(default_factory=dict)
    given: float | None = None
    rate: float | None = None


def combine(windows: Sequence[SeriesWindow], aggregation: Aggregation) -> Sample:
    """The sample of a label set from the series in it; value None where they hold nothing to aggregate."""
    if aggregation in PERCENTILES:
        return _percentile(windows, PERCENTILES[aggregation])
    return Sample(_number(windows, aggregation))


def _number(windows: Sequence[SeriesWindow], aggregation: Aggregation) -> float | None:
    match aggregation:
        case "avg":
            count = sum(window.count for window in windows)
            return sum(window.total for window in windows) / count if count else None
        case "min":
            return _extreme(min, [window.low for window in windows if window.low is not None])
        case "max":
            return _extreme(max, [window.high for window in windows if window.high is not None])
        case "sum":
            return sum(window.total for window in windows) if windows else None
        case "count":
            return float(sum(window.count for window in windows))
        case "rate":
            return float(sum(window.rate or 0.0 for window in windows))
        case _:
            return _last(windows)


def _extreme(pick: Callable[[list[float]], float], values: list[float]) -> float | None:
    return pick(values) if values and not any(map(math.isnan, values)) else None


def _last(windows: Sequence[SeriesWindow]) -> float | None:
    dated = [
        (window.last_at, window.last) for window in windows if window.last_at and window.last is not None
    ]
    return max(dated)[1] if dated else None


def _percentile(windows: Sequence[SeriesWindow], share: float) -> Sample:
    """Exact over plain values, from merged buckets where a distribution is among them, else the highest given one."""
    given = [window.given for window in windows if window.given is not None]
    values = [value for window in windows for value in window.values]
    buckets: Counter[str] = Counter()
    for window in windows:
        buckets.update(window.buckets)
    measured: float | None = None
    if buckets:
        buckets.update(Counter(bucket_of(value) for value in values))
        measured = percentile(buckets, share)
    elif values:
        measured = percentile_of_values(values, share)
    if given and (measured is None or max(given) >= measured):
        return Sample(max(given), remark=GIVEN_REMARK)
    return Sample(measured)


def percentile_of_values(values: Iterable[float], share: float) -> float:
    """Linear interpolation between the closest ranks, as PostgreSQL's percentile_cont."""
    ordered = sorted(values)
    rank = share * (len(ordered) - 1)
    below = math.floor(rank)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (rank - below)


def rate_of_counter(
    times: Sequence[float], values: Sequence[float], start: float, end: float
) -> float | None:
    """Increase per second of a counter over `(start, end]` in Unix seconds; None below two points.

    A fall is a reset: the counter began again at 0. Where points reach close to the window's edges the increase is
    extended to them, but never below a counter of 0, as Prometheus' `rate` does.
    """
    if len(values) < 2 or times[-1] <= times[0]:
        return None
    increase = 0.0
    for before, after in pairwise(values):
        increase += after - before if after >= before else after
    sampled = times[-1] - times[0]
    spacing = sampled / (len(values) - 1)
    to_start = times[0] - start
    to_end = end - times[-1]
    to_start = to_start if to_start < spacing * 1.1 else spacing / 2
    to_end = to_end if to_end < spacing * 1.1 else spacing / 2
    if increase > 0 and values[0] >= 0:
        to_start = min(to_start, sampled * values[0] / increase)
    return increase * (sampled + to_start + to_end) / sampled / (end - start)
