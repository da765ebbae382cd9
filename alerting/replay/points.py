"""The points of one metric series in memory, and what a window of them holds: as `alerting.sources.metric_points`."""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from alerting.sources.aggregates import SeriesWindow, rate_of_counter
from alerting.sources.metric_points import shape_of
from alerting.sources.samples import Aggregation, Window
from metrics.distribution import Distribution


@dataclass(frozen=True, slots=True)
class Details:
    """What a point has beside its value.

    `distribution` is what came since the point before, as `metrics.increments` gives it. `percentiles` came
    ready-made, by the names of aggregations ("p95"). `is_delta`: a counter's increase, not its level.
    """

    distribution: Distribution | None = None
    percentiles: Mapping[str, float] = field(default_factory=dict)
    is_delta: bool = False


class Edges(NamedTuple):
    """A window `(start, end]` in Unix seconds, made once for all series."""

    start: float
    end: float
    length_seconds: float

    @classmethod
    def of(cls, window: Window) -> Edges:
        return cls(window.start.timestamp(), window.end.timestamp(), window.length_seconds)


_PLAIN = Details()
_SUMMED: Set[Aggregation] = {"avg", "sum"}
_Detailed = tuple[float, float, Details]


class Points:
    """Points of one series in the order of their times. Three numbers a point, because backtests have a million."""

    def __init__(self) -> None:
        self._times = array("d")
        self._values = array("d")
        self._stale_times: set[float] = set()
        self._details: dict[float, Details] = {}
        self._has_gaps = False

    @classmethod
    def of(cls, points: Iterable[tuple[float, float]]) -> Points:
        """Plain points from (Unix seconds, value)."""
        made = cls()
        for at, value in points:
            made.append(at, value)
        return made

    def __len__(self) -> int:
        return len(self._times)

    def items(self) -> Iterator[tuple[float, float]]:
        """(Unix seconds, value) of each point, NaN for what is no number."""
        return zip(self._times, self._values, strict=True)

    def append(
        self, at: float, value: float | None, *, is_stale: bool = False, details: Details | None = None
    ) -> None:
        """Add a point at `at` Unix seconds, later than all before; ValueError where it isn't."""
        if self._times and at <= self._times[-1]:
            raise ValueError("points must come in the order of their times")
        number = math.nan if value is None or is_stale else value
        self._times.append(at)
        self._values.append(number)
        self._has_gaps = self._has_gaps or math.isnan(number)
        if is_stale:
            self._stale_times.add(at)
        elif details is not None:
            self._details[at] = details

    def piece(self, edges: Edges) -> slice:
        """Where the points in the window lie."""
        return slice(bisect_right(self._times, edges.start), bisect_right(self._times, edges.end))

    def newest_is_stale(self, piece: slice) -> bool | None:
        """Whether the newest point of a piece ends the series; None where there is no point."""
        if piece.start == piece.stop:
            return None
        return bool(self._stale_times) and self._times[piece.stop - 1] in self._stale_times

    def window(self, piece: slice, edges: Edges, wanted: Set[Aggregation]) -> SeriesWindow:
        """What the points in the window hold, filled as the wanted aggregations of one shape need it."""
        if self._details:
            times, values = self._times[piece], self._values[piece]
            return _detailed(edges, wanted, self._with_details(times, values))
        return _plain(edges, wanted, *self.numbers(piece))

    def numbers(self, piece: slice) -> tuple[Sequence[float], Sequence[float]]:
        """Times in Unix seconds and values of the points, without those that are no number."""
        times, values = self._times[piece], self._values[piece]
        return _numbers(times, values) if self._has_gaps else (times, values)

    def _with_details(self, times: Sequence[float], values: Sequence[float]) -> list[_Detailed]:
        return [
            (at, value, self._details.get(at, _PLAIN))
            for at, value in zip(times, values, strict=True)
            if at not in self._stale_times
        ]


def _numbers(times: Sequence[float], values: Sequence[float]) -> tuple[list[float], list[float]]:
    kept = [(at, value) for at, value in zip(times, values, strict=True) if not math.isnan(value)]
    return [at for at, _ in kept], [value for _, value in kept]


def _plain(
    edges: Edges, wanted: Set[Aggregation], times: Sequence[float], values: Sequence[float]
) -> SeriesWindow:
    """Sums are made anew for each window: differences of running sums would lose digits to values of long ago."""
    if not values:
        return SeriesWindow()
    match shape_of(next(iter(wanted))):
        case "avg":
            return SeriesWindow(
                count=len(values),
                total=sum(values) if wanted & _SUMMED else 0,
                low=min(values) if "min" in wanted else None,
                high=max(values) if "max" in wanted else None,
            )
        case "last":
            return SeriesWindow(last=values[-1], last_at=datetime.fromtimestamp(times[-1], UTC))
        case "rate":
            return SeriesWindow(rate=rate_of_counter(times, values, edges.start, edges.end))
        case _:
            return SeriesWindow(values=values)


def _detailed(edges: Edges, wanted: Set[Aggregation], points: Sequence[_Detailed]) -> SeriesWindow:
    match shape_of(next(iter(wanted))):
        case "avg":
            return _summary(points)
        case "last":
            numbers = _numbers([at for at, _, _ in points], [value for _, value, _ in points])
            return _plain(edges, wanted, *numbers)
        case "rate":
            return _rate(edges, points)
        case percentile:
            return _percentile(percentile, points)


def _summary(points: Sequence[_Detailed]) -> SeriesWindow:
    count = total = 0.0
    lows: list[float] = []
    highs: list[float] = []
    for _, value, details in points:
        found = details.distribution
        if found is None:
            if not math.isnan(value):
                count, total = count + 1, total + value
                lows.append(value)
                highs.append(value)
            continue
        count += found.count
        total += _total(found, value)
        if found.count:
            lows.append(math.nan if found.min is None else found.min)
            highs.append(math.nan if found.max is None else found.max)
    return SeriesWindow(count=count, total=total, low=_extreme(min, lows), high=_extreme(max, highs))


def _total(found: Distribution, mean: float) -> float:
    if found.sum is not None and not math.isnan(found.sum):
        return found.sum
    return 0.0 if math.isnan(mean) else mean * found.count


def _extreme(pick: Callable[[Sequence[float]], float], values: Sequence[float]) -> float | None:
    if any(map(math.isnan, values)):
        return math.nan
    return pick(values) if values else None


def _rate(edges: Edges, points: Sequence[_Detailed]) -> SeriesWindow:
    """What distributions and delta counters say has happened since the point before is the increase itself."""
    levels = [
        (at, value)
        for at, value, details in points
        if details.distribution is None and not details.is_delta and not math.isnan(value)
    ]
    gained = [
        float(details.distribution.count) if details.distribution else value
        for _, value, details in points
        if details.distribution or (details.is_delta and not math.isnan(value))
    ]
    rate = None
    if levels:
        times, values = zip(*levels, strict=True)
        rate = rate_of_counter(times, values, edges.start, edges.end)
    if gained:
        rate = (rate or 0.0) + sum(gained) / edges.length_seconds
    return SeriesWindow(rate=rate)


def _percentile(aggregation: Aggregation, points: Sequence[_Detailed]) -> SeriesWindow:
    values: list[float] = []
    given: list[float] = []
    buckets: Counter[str] = Counter()
    for _, value, details in points:
        ready_made = details.percentiles.get(aggregation)
        if details.distribution and details.distribution.buckets:
            buckets.update(details.distribution.buckets)
        elif ready_made is not None:
            given.append(ready_made)
        elif details.distribution is None and not math.isnan(value):
            values.append(value)
    return SeriesWindow(values=values, buckets=buckets, given=max(given, default=None))
