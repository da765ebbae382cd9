"""Metric points and business metrics of a period, series by series, as a replay reads them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.db import connection

from alerting.backtest.errors import TooMuch
from alerting.replay.memory import MetricSeries
from alerting.replay.points import Details, Points
from alerting.sources import business_metrics, metric_points
from alerting.sources.metric_points import HISTOGRAM, SEEN_WITHIN
from alerting.sources.samples import Question, Window
from alerting.sources.series import LabelIndex, Series
from metrics.distribution import Distribution
from metrics.increments import DELTA, LOOK_BACK, increments

MAX_POINTS = 1_000_000
"""16 bytes each in memory, and a second to read."""
MAX_DETAILED = 200_000
"""Distributions, given percentiles and delta counters: some hundred bytes each, and as many lines of Python."""

_INCREMENTS = increments('before."timestamp" > %(hour_before)s AND before."timestamp" <= %(end)s')
_PERCENTILES = ("p50", "p90", "p95", "p99")


def of_metrics(window: Window, questions: Collection[Question]) -> list[MetricSeries]:
    """The points of all series that the questions select, each after the newest point of the day before.

    That one tells a replay of series that were silent from the start. Raises django.db.Error, TooMuch.
    """
    chosen = _chosen(window.project_id, questions)
    if not chosen:
        return []
    found = _Read(window, chosen)
    newest = found.newest_before()
    details = found.details()
    made: dict[int, Points] = {key: _begun(*newest[key]) for key in newest}
    for key, times, values, stale in found.numbers():
        _fill(made.setdefault(key, Points()), times, values, frozenset(stale or ()), details.get(key, {}))
    return [MetricSeries(chosen[key], points) for key, points in made.items()]


def of_business_metrics(window: Window, questions: Collection[Question]) -> list[MetricSeries]:
    """The periods of the metrics that the questions name. Raises django.db.Error, TooMuch."""
    names = sorted({question.metric for question in questions})
    if not names:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT count(*) FROM (
                   SELECT FROM business_metrics
                   WHERE project_id = %s AND metric_name = ANY(%s) AND period_end > %s AND period_end <= %s LIMIT %s
               ) AS periods""",
            [window.project_id, names, window.start, window.end, MAX_POINTS + 1],
        )
        _refuse_more(MAX_POINTS, int(cursor.fetchone()[0]), "periods", names)
    return [series for dated in business_metrics.read(window, names) for series in _in_layers(dated)]


def _in_layers(dated: business_metrics.Dated) -> list[MetricSeries]:
    """Periods of one series that end together become series of their own: each has one value at a time."""
    layers: list[Points] = []
    newest: list[float] = []
    for at, value in zip(dated.times, dated.values, strict=True):
        level = next((level for level, last in enumerate(newest) if last < at), len(layers))
        if level == len(layers):
            layers.append(Points())
            newest.append(at)
        newest[level] = at
        layers[level].append(at, value)
    own = dated.series
    return [
        MetricSeries(Series(f"{own.key}.{level}", own.name, own.labels, own.columns), points)
        for level, points in enumerate(layers)
    ]


def _chosen(project_id: int, questions: Collection[Question]) -> Mapping[Any, Series]:
    names = sorted({question.metric for question in questions})
    if not names:
        return {}
    index: LabelIndex = metric_points.series_named(project_id, names)
    wanted = {(question.metric, question.filters) for question in questions}
    return {series.key: series for name, filters in wanted for series in index.select(name, filters)}


class _Read:
    """The queries about one choice of series."""

    def __init__(self, window: Window, chosen: Mapping[Any, Series]) -> None:
        has_histograms = any(one.columns["metric_type"] == HISTOGRAM for one in chosen.values())
        self._names = sorted({one.name for one in chosen.values()})
        self._rows = f"({_INCREMENTS})" if has_histograms else "metric_points"
        self._parameters: dict[str, Any] = {
            "ids": list(chosen),
            "start": window.start,
            "end": window.end,
            "hour_before": window.start - LOOK_BACK,
            "day_before": window.start - SEEN_WITHIN,
            "points": MAX_POINTS + 1,
            "detailed": MAX_DETAILED + 1,
        }

    def numbers(self) -> list[tuple[int, Sequence[float], Sequence[float], Sequence[float] | None]]:
        """Times, values and the times of stale markers of each series, oldest first."""
        rows = self._ask(
            f"""SELECT series_id, array_agg(at ORDER BY at), array_agg(value ORDER BY at),
                       array_agg(at) FILTER (WHERE stale)
                FROM (
                    SELECT p.series_id, extract(epoch FROM p."timestamp")::float8 AS at,
                           coalesce(p.value, 'NaN') AS value, p.stale
                    FROM {self._rows} AS p WHERE {_INSIDE} LIMIT %(points)s
                ) AS points
                GROUP BY series_id"""
        )
        _refuse_more(MAX_POINTS, sum(len(times) for _, times, _, _ in rows), "points", self._names)
        return rows

    def details(self) -> Mapping[int, Mapping[float, Details]]:
        """By series and time, where a point is more than its value."""
        rows = self._ask(
            f"""SELECT p.series_id, extract(epoch FROM p."timestamp")::float8, p.count, p.sum, p.min, p.max,
                       p.buckets::text, p.temporality,
                       p.percentile_50, p.percentile_90, p.percentile_95, p.percentile_99
                FROM {self._rows} AS p
                WHERE {_INSIDE} AND NOT p.stale AND (
                    p.count IS NOT NULL OR p.temporality = {DELTA}
                    OR coalesce(p.percentile_50, p.percentile_90, p.percentile_95, p.percentile_99) IS NOT NULL
                )
                LIMIT %(detailed)s"""
        )
        _refuse_more(MAX_DETAILED, len(rows), "points with a distribution or percentiles", self._names)
        found: dict[int, dict[float, Details]] = defaultdict(dict)
        for key, at, count, total, low, high, buckets, temporality, *percentiles in rows:
            known = msgspec.json.decode(buckets) if buckets else {}
            given = zip(_PERCENTILES, percentiles, strict=True)
            found[key][at] = Details(
                distribution=None if count is None else Distribution(count, total, low, high, known),
                # A point with buckets knows better than percentiles.
                percentiles={} if buckets else {name: value for name, value in given if value is not None},
                is_delta=count is None and temporality == DELTA,
            )
        return found

    def newest_before(self) -> Mapping[int, tuple[float, bool]]:
        """(time, whether it ended the series) of the newest point before the window, as far as it counts as lately."""
        rows = self._ask(
            """SELECT s.id, newest.at, newest.stale
               FROM metric_series s
               CROSS JOIN LATERAL (
                   SELECT extract(epoch FROM p."timestamp")::float8 AS at, p.stale FROM metric_points p
                   WHERE p.series_id = s.id AND p."timestamp" > %(day_before)s AND p."timestamp" <= %(start)s
                   ORDER BY p."timestamp" DESC LIMIT 1
               ) AS newest
               WHERE s.id = ANY(%(ids)s)"""
        )
        return {key: (at, is_stale) for key, at, is_stale in rows}

    def _ask(self, sql: str) -> list[Any]:
        with connection.cursor() as cursor:
            cursor.execute(sql, self._parameters)
            rows: list[Any] = cursor.fetchall()
        return rows


_INSIDE = 'p.series_id = ANY(%(ids)s) AND p."timestamp" > %(start)s AND p."timestamp" <= %(end)s'


def _begun(at: float, is_stale: bool) -> Points:
    # Its value lies in no window.
    points = Points()
    points.append(at, 0.0, is_stale=is_stale)
    return points


def _fill(
    points: Points,
    times: Iterable[float],
    values: Iterable[float],
    stale: frozenset[float],
    details: Mapping[float, Details],
) -> None:
    for at, value in zip(times, values, strict=True):
        points.append(at, value, is_stale=at in stale, details=details.get(at))


def _refuse_more(most: int, count: int, records: str, names: Sequence[str]) -> None:
    if count > most:
        raise TooMuch(
            f"This period has more than {most:,} {records} of {', '.join(names)}: take a shorter one, or filter "
            "so that fewer series are left."
        )
