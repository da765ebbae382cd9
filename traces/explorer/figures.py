"""Charts of the search page: how many spans, how many fail, how long they take; and each as a dot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from projects.pages.charts import Kind, Line, TimeChart
from projects.pages.overlays import DEPLOYS, overlay_url
from projects.pages.scope import Scope
from storage.rollups.summaries import Question
from storage.rollups.windows import Window
from traces.explorer.sampling import DOTS_PER_SLICE, READ_PER_SLICE, SLICES, Dot, Sample
from traces.queries import summary

MOST_BUCKETS = 90
"""A day by the hour, 90 days by the day: shorter ones of long ranges would merge the distributions of every minute."""

_MEASURES = ("span_count", "error_ratio", "duration_p95_ms")


def rate_charts(scope: Scope, project_id: int, filters: Mapping[str, str]) -> list[TimeChart]:
    """Spans per second, their share of errors and their p95 over the range, from roll-ups."""
    window = scope.range.window(MOST_BUCKETS)
    question = Question(project_id=project_id, window=window, filters=filters, measures=_MEASURES, limit=1)
    groups = summary(question)
    measures = groups[0].measures if groups else {name: [None] * window.bucket_count for name in _MEASURES}
    rates = rates_per_second(window, measures["span_count"], scope.now)
    percents = [None if ratio is None else ratio * 100 for ratio in measures["error_ratio"]]

    def chart(name: str, title: str, unit: str, values: Sequence[Any], kind: Kind = "lines") -> TimeChart:
        points = [point for point in zip(window.buckets, values, strict=True) if point[0] < scope.now]
        state = "error" if name == "errors" else ""
        return TimeChart(
            id=f"spans-{name}", title=title, lines=[Line(title, points, state)], unit=unit, kind=kind,
            start=scope.range.start, end=scope.range.end, zone=scope.zone, height=130, bar_length=window.interval,
            overlays=[overlay_url(scope, DEPLOYS)],
        )  # fmt: skip

    return [
        chart("rate", "Spans", "/s", rates),
        chart("errors", "Errors", "%", percents, "bars"),
        chart("p95", "p95 duration", "ms", measures["duration_p95_ms"]),
    ]


def rates_per_second(window: Window, counts: Sequence[int | None], now: datetime) -> list[float | None]:
    """Counts of the window's buckets per second; of the running one only the time until now counts."""
    rates: list[float | None] = []
    for start, count in zip(window.buckets, counts, strict=True):
        elapsed = min(window.interval, now - start) / timedelta(seconds=1)
        rates.append((count or 0) / elapsed if elapsed >= 1 else None)
    return rates


def values_of(chart: TimeChart) -> list[float]:
    """All values that are drawn."""
    return [value for line in chart.lines for _, value in line.points if value is not None]


def scatter(scope: Scope, sample: Sample, url_of: Callable[[Dot], str], *, logarithmic: bool) -> TimeChart:
    """Each dot a span, time by duration; a click leads to its trace."""

    def line(name: str, dots: Sequence[Dot], state: str = "") -> Line:
        points = [(dot.start_time, dot.duration_ms) for dot in dots]
        texts = [f"{dot.service_name} {dot.operation_name}" for dot in dots]
        return Line(name, points, state, urls=[url_of(dot) for dot in dots], texts=texts)

    failed = [dot for dot in sample.dots if dot.is_error]
    fine = [dot for dot in sample.dots if not dot.is_error]
    lines = [line("no error", fine), *([line("error", failed, "critical")] if failed else [])]
    count = f"{len(sample.dots):,} spans"
    sampled = f"A sample of {count}: at most the newest {DOTS_PER_SLICE} of each 1/{SLICES} of the range"
    if sample.is_read_in_part:
        sampled += (
            f", looked for among the newest {READ_PER_SLICE:,} spans of each; older matches are missing"
        )
    note = f"{count}, all that match." if sample.is_whole else f"{sampled}."
    return TimeChart(
        id="scatter", title="Duration of each", lines=lines, unit="ms", kind="dots", logarithmic=logarithmic,
        start=scope.range.start, end=scope.range.end, zone=scope.zone, notes=[note],
        overlays=[overlay_url(scope, DEPLOYS)],
    )  # fmt: skip
