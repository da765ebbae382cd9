"""The lines of a chart: which series make each, and what the roll-ups hold of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from metrics.charting import Aggregation, Points, Question, chart
from metrics.explorer.choice import Choice, existing
from metrics.filters import MetricSeriesFilterSet
from metrics.lines import LabelSet, Line, lines_of
from metrics.models import MetricExemplar, MetricSeries, MetricType
from projects.pages.page import Problem
from projects.pages.time_range import TimeRange
from storage.rollups.windows import Window

MAX_SERIES = 10_000
MAX_LINES = 200
"""Label sets that are compared; the highest of them are drawn."""

MAX_EXEMPLARS = 200

VALUE_AGGREGATIONS: frozenset[Aggregation] = frozenset(
    {"avg", "min", "max", "last", "p50", "p90", "p95", "p99"}
)
"""Those that give values of the same kind as single measurements."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One line: a metric's series with the same labels, and a value for each bucket that has any."""

    metric: str
    aggregation: Aggregation
    labels: LabelSet
    units: frozenset[str]
    series_ids: Sequence[int]
    has_histograms: bool
    points: Points

    @property
    def values(self) -> list[float]:
        return [value for _, value in self.points if math.isfinite(value)]


@dataclass(frozen=True, slots=True)
class Found:
    """Lines with data, and how many label sets were not looked at."""

    lines: Sequence[Measured]
    unread: int


def series_of(project_id: int, choice: Choice, text: str) -> list[MetricSeries]:
    """The series of the metrics that the URL's `text` names and the filters leave.

    Raises Problem above MAX_SERIES, and where a filter's value can't be understood.
    """
    named = MetricSeries.objects.filter(project_id=project_id, name__in={text, *choice.names})
    filters = MetricSeriesFilterSet(dict(choice.filters), named)
    if not filters.is_valid():
        name, errors = next(iter(filters.form.errors.items()))
        raise Problem(f"{name} is not what it should be: {' '.join(errors)}")
    columns = ("id", "name", "labels", "metric_type", "unit")
    found: list[MetricSeries] = list(filters.qs.only(*columns)[: MAX_SERIES + 1])
    if len(found) > MAX_SERIES:
        raise Problem(f"More than {MAX_SERIES:,} series match. Filter by a label to see some of them.")
    wanted = existing(choice, text, {one.name for one in found})
    return [one for one in found if one.name in wanted]


def measured(
    project_id: int, series: Sequence[MetricSeries], choice: Choice, window: Window, now: datetime
) -> Found:
    """The lines of all metrics, read together."""
    asked: list[Measured] = []
    unread = 0
    for name in sorted({one.name for one in series}):
        own = [one for one in series if one.name == name]
        candidates = lines_of(own, choice.group_by)
        unread += max(len(candidates) - MAX_LINES, 0)
        asked += _asked(own, candidates[:MAX_LINES], choice)
    return Found(read(project_id, asked, window, now), unread)


def read(project_id: int, lines: Sequence[Measured], window: Window, now: datetime) -> list[Measured]:
    """The same lines with what this window has of them, those without data left out. A query for each aggregation."""
    found: list[Measured] = []
    for aggregation in dict.fromkeys(line.aggregation for line in lines):
        own = [line for line in lines if line.aggregation == aggregation]
        by_series = {series_id: number for number, line in enumerate(own) for series_id in line.series_ids}
        has_histograms = any(line.has_histograms for line in own)
        points = chart(Question(project_id, by_series, window, aggregation, has_histograms), now)
        found += [replace(line, points=points[number]) for number, line in enumerate(own) if number in points]
    return found


def earlier(
    project_id: int, lines: Sequence[Measured], window: Window, shift: timedelta, now: datetime
) -> dict[tuple[str, tuple[tuple[str, str], ...]], Points]:
    """The points of the same lines so much earlier, moved to where they are compared; by `key_of`."""
    back = Window(window.start - shift, window.end - shift, window.interval)
    return {
        key_of(line): [(at + shift, value) for at, value in line.points]
        for line in read(project_id, lines, back, now)
    }


def key_of(line: Measured) -> tuple[str, tuple[tuple[str, str], ...]]:
    return line.metric, tuple(sorted(line.labels.items()))


def exemplars(project_id: int, lines: Sequence[Measured], time_range: TimeRange) -> list[MetricExemplar]:
    """The newest measurements with a trace, of lines of one metric whose values are of their kind.

    None for several metrics: nobody could tell which of them a dot belongs to.
    """
    wanted = [one for line in lines if line.aggregation in VALUE_AGGREGATIONS for one in line.series_ids]
    if not wanted or len({line.metric for line in lines}) > 1:
        return []
    return list(
        MetricExemplar.objects.filter(
            project_id=project_id,
            series_id__in=wanted,
            timestamp__gte=time_range.start,
            timestamp__lt=time_range.end,
        )
        .exclude(trace_id="")
        .order_by("-timestamp")
        .only("timestamp", "value", "trace_id")[:MAX_EXEMPLARS]
    )


def _asked(series: Sequence[MetricSeries], lines: Sequence[Line], choice: Choice) -> list[Measured]:
    metric_type = series[0].metric_type
    has_histograms = any(one.metric_type == MetricType.HISTOGRAM for one in series)
    return [
        Measured(
            metric=series[0].name,
            aggregation=choice.aggregation_of(metric_type),
            labels=line.labels,
            units=frozenset(line.units - {"", "1"}),
            series_ids=line.series_ids,
            has_histograms=has_histograms,
            points=[],
        )
        for line in lines
    ]
