"""Business metrics, dated by the end of their period: one query per (project, window)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from django.db import connection

from alerting.sources.aggregates import SeriesWindow, rate_of_counter
from alerting.sources.samples import Answer, Question, Window, text_of
from alerting.sources.series import Key, LabelIndex, Series, SilentSeries, answer_questions

LABEL_COLUMNS = """metric_name, metric_category, tenant_id, metric_unit, currency, period_type, calculation_method,
                   dimensions::text"""


@dataclass(frozen=True, slots=True)
class Dated:
    """A series' values, at least one, oldest first, with their times in Unix seconds."""

    series: Series
    times: Sequence[float]
    values: Sequence[float]


def measure(window: Window, questions: Sequence[Question]) -> dict[int, Answer]:
    """Answers by rule id. Raises django.db.Error."""
    found = read(window, {question.metric for question in questions})
    windows: dict[Key, SeriesWindow] = {
        one.series.key: window_of(window, one.times, one.values, datetime.fromtimestamp(one.times[-1], UTC))
        for one in found
    }
    index = LabelIndex(one.series for one in found)
    return answer_questions(questions, index, windows, frozenset(), _know_no_silent)


def read(window: Window, metrics: Iterable[str]) -> list[Dated]:
    """All values of these metrics in the window. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {LABEL_COLUMNS},
                      array_agg(extract(epoch FROM period_end)::float8 ORDER BY period_end, period_start, id),
                      array_agg(metric_value ORDER BY period_end, period_start, id)
               FROM business_metrics
               WHERE project_id = %s AND metric_name = ANY(%s) AND period_end > %s AND period_end <= %s
                     AND metric_value <> 'NaN'
               GROUP BY 1, 2, 3, 4, 5, 6, 7, dimensions""",
            [window.project_id, sorted(metrics), window.start, window.end],
        )
        rows = cursor.fetchall()
    return [
        Dated(series_of(key, columns), times, values) for key, (*columns, times, values) in enumerate(rows)
    ]


def series_of(key: Key, columns: Sequence[Any]) -> Series:
    """What a row's LABEL_COLUMNS say."""
    name, category, tenant, unit, currency, period_type, method, dimensions = columns
    own = _texts({"metric_category": category, "tenant_id": tenant})
    others = _texts(
        {"metric_unit": unit, "currency": currency, "period_type": period_type, "calculation_method": method}
    )
    free = _beside(_texts(msgspec.json.decode(dimensions or "{}")), own.keys() | others.keys())
    return Series(key, name, own | free, others)


def _texts(labels: dict[str, Any]) -> dict[str, str]:
    return {name: text_of(value) for name, value in labels.items() if value not in (None, "")}


def _beside(dimensions: dict[str, str], taken: Set[str]) -> dict[str, str]:
    """Dimensions as labels; one that is named like a column goes by `dimensions.<name>` and never passes for it."""
    return {f"dimensions.{name}" if name in taken else name: text for name, text in dimensions.items()}


def window_of(
    window: Window, times: Sequence[float], values: Sequence[float], last_at: datetime
) -> SeriesWindow:
    """What plain numbers say to every aggregation; `times` in Unix seconds, rising, at least one."""
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
