"""Intervals as bars around 0, and people a day as a chart. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

from analytics.experiments.results import MetricFigures, Results, VariantFigures
from analytics.experiments.words import is_shown
from projects.pages.charts import MAX_LINES, Line, TimeChart

WIDTH: Final = 100
_REACH: Final = 46
"""Of the longest interval to either side of the middle, where 0 is."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Bar:
    """Places from 0 to WIDTH. `state` colours what `verdict` says."""

    left: float
    width: float
    middle: float
    state: str
    verdict: str


def bars_of(figures: MetricFigures) -> dict[str, Bar]:
    """By variant, on one scale; variants without an interval have none."""
    reaches = [
        max(abs(reach.low), abs(reach.high))
        for row in figures.variants
        if row.difference and (reach := row.difference.interval)
    ]
    scale = _REACH / longest if (longest := max(reaches, default=0)) else 0
    return {
        row.variant: bar
        for row in figures.variants
        if (bar := _bar(row, scale, is_lower_better=figures.metric.is_lower_better))
    }


def _bar(row: VariantFigures, scale: float, *, is_lower_better: bool) -> Bar | None:
    if row.difference is None or row.difference.interval is None:
        return None
    found, reach = row.difference, row.difference.interval
    state, verdict = "quiet", "no difference shown"
    if is_shown(found):
        is_better = (found.value < 0) == is_lower_better
        state, verdict = ("good", "better") if is_better else ("error", "worse")
    return Bar(
        left=round(WIDTH / 2 + scale * reach.low, 2),
        width=round(max(scale * (reach.high - reach.low), 0.5), 2),
        middle=round(WIDTH / 2 + scale * found.value, 2),
        state=state,
        verdict=verdict,
    )


def people_chart(results: Results) -> TimeChart:
    """First exposures a day in UTC; a day without any is 0, not a gap."""
    by_variant: dict[str, dict[date, int]] = {variant: {} for variant in results.sample_ratio.people}
    for day, variant, people in results.days:
        by_variant[variant][day] = people
    days = _days(results)
    shown = dict(list(by_variant.items())[:MAX_LINES])
    return TimeChart(
        id="experiment-people",
        title="People by day of their first exposure",
        lines=[Line(variant, _points(counts, days)) for variant, counts in shown.items()],
        start=days[0] if days else results.start,
        end=days[-1] + _DAY if days else results.end,
        unit="people",
        kind="stacked",
        bar_length=_DAY,
        zone=UTC,
        zooms=False,
        left_out=len(by_variant) - len(shown),
        notes=["Days in UTC."],
    )


def _days(results: Results) -> list[datetime]:
    """From the first to the last one with anybody."""
    if not results.days:
        return []
    first, last = results.days[0][0], results.days[-1][0]
    return [
        datetime(first.year, first.month, first.day, tzinfo=UTC) + number * _DAY
        for number in range((last - first).days + 1)
    ]


def _points(counts: Mapping[date, int], days: list[datetime]) -> list[tuple[datetime, float | None]]:
    return [(day, counts.get(day.date(), 0)) for day in days]
