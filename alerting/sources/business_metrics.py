"""Business metrics, dated by the end of their period: one query per (project, window)."""

from __future__ import annotations

from collections.abc import Sequence, Set
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from alerting.sources.aggregates import SeriesWindow, rate_of_counter
from alerting.sources.samples import Answer, Question, Window, text_of
from alerting.sources.series import Key, LabelIndex, Series, SilentSeries, answer_questions


def measure(window: Window, questions: Sequence[Question]) -> dict[int, Answer]:
    """Answers by rule id. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT metric_name, metric_category, tenant_id, metric_unit, currency, period_type,
                      calculation_method, dimensions::text,
                      array_agg(extract(epoch FROM period_end)::float8 ORDER BY period_end, period_start, id),
                      array_agg(metric_value ORDER BY period_end, period_start, id),
                      max(period_end)
               FROM business_metrics
               WHERE project_id = %s AND metric_name = ANY(%s) AND period_end > %s AND period_end <= %s
                     AND metric_value <> 'NaN'
               GROUP BY 1, 2, 3, 4, 5, 6, 7, dimensions""",
            [
                window.project_id,
                sorted({question.metric for question in questions}),
                window.start,
                window.end,
            ],
        )
        rows = cursor.fetchall()
    series: list[Series] = []
    windows: dict[Key, SeriesWindow] = {}
    for key, row in enumerate(rows):
        name, category, tenant, unit, currency, period_type, method, dimensions, times, values, last_at = row
        own = _texts({"metric_category": category, "tenant_id": tenant})
        columns = _texts(
            {
                "metric_unit": unit,
                "currency": currency,
                "period_type": period_type,
                "calculation_method": method,
            }
        )
        free = _beside(_texts(msgspec.json.decode(dimensions or "{}")), own.keys() | columns.keys())
        series.append(Series(key, name, own | free, columns))
        windows[key] = _window_of(window, times, values, last_at)
    return answer_questions(questions, LabelIndex(series), windows, frozenset(), _know_no_silent)


def _texts(labels: dict[str, Any]) -> dict[str, str]:
    return {name: text_of(value) for name, value in labels.items() if value not in (None, "")}


def _beside(dimensions: dict[str, str], taken: Set[str]) -> dict[str, str]:
    """Dimensions as labels; one that is named like a column goes by `dimensions.<name>` and never passes for it."""
    return {f"dimensions.{name}" if name in taken else name: text for name, text in dimensions.items()}


def _window_of(window: Window, times: list[float], values: list[float], last_at: datetime) -> SeriesWindow:
    return SeriesWindow(
        count=len(values),
        total=sum(values),
        low=min(values),
        high=max(values),
        last=values[-1],
        last_at=last_at,
        values=values,
        rate=rate_of_counter(times, values, window.start.timestamp(), window.end.timestamp()),
    )


def _know_no_silent(quiet: set[Key]) -> SilentSeries:
    """Business metrics have no series rows: what has no row in the window is unknown."""
    return SilentSeries()
