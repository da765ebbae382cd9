"""Metrics: one query per (project, window, kind of aggregation), grouped by series; labels are matched in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from django.db import connection

from alerting.sources.aggregates import SeriesWindow, rate_of_counter
from alerting.sources.samples import PERCENTILES, Aggregation, Answer, Question, Window
from alerting.sources.series import Key, LabelIndex, Series, SilentSeries, answer_questions
from metrics.increments import DELTA, LOOK_BACK, increments

HISTOGRAM = "histogram"
"""The only type whose points may be cumulative distributions, which count again what earlier ones did."""

_INCREMENTS = increments('before."timestamp" > %(hour_before)s AND before."timestamp" <= %(end)s')

SEEN_WITHIN = timedelta(hours=24)
"""A silent series counts as existing this long; after that it is taken for gone."""

_PLAIN = f"NOT p.stale AND p.count IS NULL AND p.value <> 'NaN' AND p.temporality IS DISTINCT FROM {DELTA}"
_GAINED = f"NOT p.stale AND (p.count IS NOT NULL OR p.temporality = {DELTA} AND p.value <> 'NaN')"
_COUNTED = "NOT p.stale AND (p.count IS NOT NULL OR p.value <> 'NaN')"
_NUMBER = "NOT p.stale AND p.value <> 'NaN'"


def _extreme(column: str) -> str:
    """NaN where a distribution doesn't know its own.

    PostgreSQL takes NaN for the largest number: `max` keeps it, and `-max(-x)` is a minimum that does.
    """
    return (
        "CASE WHEN p.count IS NULL THEN nullif(p.value, 'NaN') "
        f"WHEN p.count > 0 THEN coalesce(p.{column}, 'NaN') END"
    )


_SUMMARY = f"""
    coalesce(sum(coalesce(p.count, 1)) FILTER (WHERE {_COUNTED}), 0)::float8,
    coalesce(
        sum(CASE WHEN p.count IS NULL THEN p.value
                 ELSE coalesce(nullif(p.sum, 'NaN'), nullif(p.value, 'NaN') * p.count, 0) END)
            FILTER (WHERE {_COUNTED}),
        0
    ),
    -max(-({_extreme("min")})) FILTER (WHERE NOT p.stale),
    max({_extreme("max")}) FILTER (WHERE NOT p.stale)
"""
_LAST = f"""
    (array_agg(p.value ORDER BY p."timestamp" DESC) FILTER (WHERE {_NUMBER}))[1],
    max(p."timestamp") FILTER (WHERE {_NUMBER})
"""
_RATE = f"""
    array_agg(extract(epoch FROM p."timestamp")::float8 ORDER BY p."timestamp") FILTER (WHERE {_PLAIN}),
    array_agg(p.value ORDER BY p."timestamp") FILTER (WHERE {_PLAIN}),
    sum(CASE WHEN p.count IS NULL THEN p.value ELSE p.count END) FILTER (WHERE {_GAINED})
"""


def _percentile_columns(column: str) -> str:
    return f"""
    array_agg(p.value) FILTER (WHERE {_NUMBER} AND p.count IS NULL AND p.{column} IS NULL),
    jsonb_agg(p.buckets) FILTER (WHERE NOT p.stale AND p.count IS NOT NULL),
    max(nullif(p.{column}, 'NaN')) FILTER (WHERE NOT p.stale AND p.buckets IS NULL)
"""


def shape_of(aggregation: Aggregation) -> Aggregation:
    """Aggregations of one shape are answered by the same query; the shape is named by one of them."""
    return "avg" if aggregation in {"avg", "min", "max", "sum", "count"} else aggregation


def measure(window: Window, shape: Aggregation, questions: Sequence[Question]) -> dict[int, Answer]:
    """Answers by rule id; all questions are of this shape. Raises django.db.Error."""
    index, chosen = _series(window.project_id, sorted({question.metric for question in questions}), questions)
    windows, ended = _windows(window, shape, chosen)

    def ask_silent(quiet: set[Key]) -> SilentSeries:
        return _silent(window, quiet)

    return answer_questions(questions, index, windows, ended, ask_silent)


def _series(
    project_id: int, names: list[str], questions: Sequence[Question]
) -> tuple[LabelIndex, list[Series]]:
    """The index of all series of these names, and those some question selects."""
    index = series_named(project_id, names)
    wanted = {(question.metric, question.filters) for question in questions}
    chosen = {series.key: series for name, filters in wanted for series in index.select(name, filters)}
    return index, list(chosen.values())


def series_named(project_id: int, names: list[str]) -> LabelIndex:
    """All series of these names. Raises django.db.Error."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id, name, labels::text, service_name, host_name, instance_id, metric_type, unit"
            " FROM metric_series WHERE project_id = %s AND name = ANY(%s)",
            [project_id, names],
        )
        return LabelIndex(_series_of(row) for row in cursor.fetchall())


def _series_of(row: tuple[Any, ...]) -> Series:
    key, name, labels, service_name, host_name, instance_id, metric_type, unit = row
    columns = {
        "service_name": service_name,
        "host_name": host_name,
        "instance_id": instance_id,
        "metric_type": metric_type,
        "metric_unit": unit,
    }
    return Series(
        key,
        name,
        {label: str(value) for label, value in msgspec.json.decode(labels).items()},
        {column: value for column, value in columns.items() if value},
    )


def _windows(
    window: Window, shape: Aggregation, series: Sequence[Series]
) -> tuple[Mapping[Key, SeriesWindow], frozenset[Key]]:
    """What each living series has in the window, and the series whose newest point is a stale marker."""
    columns, read = _query_of(shape)
    has_histograms = any(one.columns["metric_type"] == HISTOGRAM for one in series)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT p.series_id,
                       max(p."timestamp") FILTER (WHERE p.stale) AS stale_at,
                       max(p."timestamp") FILTER (WHERE NOT p.stale) AS live_at, {columns}
                FROM {f"({_INCREMENTS})" if has_histograms else "metric_points"} AS p
                WHERE p.series_id = ANY(%(ids)s) AND p."timestamp" > %(start)s AND p."timestamp" <= %(end)s
                GROUP BY p.series_id""",
            {
                "ids": [one.key for one in series],
                "start": window.start,
                "end": window.end,
                "hour_before": window.start - LOOK_BACK,
            },
        )
        rows = cursor.fetchall()
    windows: dict[Key, SeriesWindow] = {}
    ended: set[Key] = set()
    for key, stale_at, live_at, *values in rows:
        if stale_at and (live_at is None or stale_at >= live_at):
            ended.add(key)
        else:
            windows[key] = read(window, *values)
    return windows, frozenset(ended)


def _query_of(shape: Aggregation) -> tuple[str, Callable[..., SeriesWindow]]:
    if shape in PERCENTILES:
        return _percentile_columns(f"percentile_{shape[1:]}"), _read_percentile
    if shape == "last":
        return _LAST, _read_last
    if shape == "rate":
        return _RATE, _read_rate
    return _SUMMARY, _read_summary


def _read_summary(
    window: Window, count: float, total: float, low: float | None, high: float | None
) -> SeriesWindow:
    return SeriesWindow(count=count, total=total, low=low, high=high)


def _read_last(window: Window, last: float | None, last_at: Any) -> SeriesWindow:
    return SeriesWindow(last=last, last_at=last_at)


def _read_percentile(
    window: Window, values: list[float] | None, buckets: str | None, given: float | None
) -> SeriesWindow:
    merged: Counter[str] = Counter()
    for one in msgspec.json.decode(buckets) if buckets else ():
        merged.update(one or {})
    return SeriesWindow(values=values or (), buckets=merged, given=given)


def _read_rate(
    window: Window, times: list[float] | None, values: list[float] | None, gained: float | None
) -> SeriesWindow:
    """What distributions and delta counters say has happened since the point before is the increase itself."""
    rate = None
    if times and values:
        rate = rate_of_counter(times, values, window.start.timestamp(), window.end.timestamp())
    if gained is not None:
        rate = (rate or 0.0) + gained / window.length_seconds
    return SeriesWindow(rate=rate)


def _silent(window: Window, quiet: set[Key]) -> SilentSeries:
    """One look at the newest point of each silent series, through the physical key."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT s.id, newest.stale
               FROM metric_series s
               CROSS JOIN LATERAL (
                   SELECT p.stale FROM metric_points p
                   WHERE p.series_id = s.id AND p."timestamp" > %s AND p."timestamp" <= %s
                   ORDER BY p."timestamp" DESC LIMIT 1
               ) AS newest
               WHERE s.id = ANY(%s)""",
            [min(window.start, window.end - SEEN_WITHIN), window.end, list(quiet)],
        )
        rows = cursor.fetchall()
    return SilentSeries(
        seen=frozenset(key for key, stale in rows if not stale),
        ended=frozenset(key for key, stale in rows if stale),
    )
