"""Charts of series over any range: SQL over roll-ups and the raw points they don't hold yet, exact at any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, get_args

from django.db import connection

from metrics.increments import LOOK_BACK, increments
from metrics.rollups import (
    BUCKETED,
    POINT_ROLLUP,
    UNKNOWN_MAX,
    UNKNOWN_MIN,
    linked,
    percentile_of_buckets_sql,
    raw_columns,
    value_at_sql,
)
from storage.rollups import reading
from storage.rollups.windows import EPOCH, Window

Aggregation = Literal["avg", "min", "max", "sum", "count", "last", "p50", "p90", "p95", "p99", "rate"]
AGGREGATIONS: tuple[Aggregation, ...] = get_args(Aggregation)

MINUTE = timedelta(minutes=1)
BEGINNING = datetime.min.replace(tzinfo=UTC)

_INCREMENTS = increments('before."timestamp" >= %(hour_before)s AND before."timestamp" < %(end)s')

Points = list[tuple[datetime, float]]
_Select = tuple[Sequence[str], Callable[[str], str]]


@dataclass(frozen=True, slots=True)
class Question:
    """One value for each line and bucket of the window.

    `lines` gives the number of the line that each series belongs to; the series of a line are aggregated as one.
    """

    project_id: int
    lines: Mapping[int, int]
    window: Window
    aggregation: Aggregation
    has_histograms: bool = True
    """Whether some series is of type histogram: only those may hold cumulative distributions."""


def chart(question: Question, now: datetime) -> dict[int, Points]:
    """The points of each line, oldest first; a bucket without data has none, a line without any is missing.

    Percentiles are nearest-rank within 1 %, or the highest given ones. `rate` is the increase per second, a fall
    being a reset; what a counter gained between two buckets counts for the later one (before the first bucket of
    the window, the one before it is looked at).
    """
    if not question.lines:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_sql(question), _parameters(question))
        rows = cursor.fetchall()
    found: dict[int, Points] = {}
    for line, moment, value in rows:
        seconds = (
            elapsed_seconds(moment, question.window.interval, now) if question.aggregation == "rate" else 1
        )
        found.setdefault(line, []).append((moment, value / seconds))
    return found


def elapsed_seconds(bucket: datetime, interval: timedelta, now: datetime) -> float:
    """How much of a bucket has passed, at least a minute: what is gained first belongs to the time before, too.

    All of a bucket that lies ahead, where clocks of clients differ.
    """
    passed = now - bucket
    if passed <= timedelta(0):
        return interval.total_seconds()
    return min(max(passed, MINUTE), interval).total_seconds()


def _parameters(question: Question) -> dict[str, Any]:
    window = question.window
    # A rate looks one bucket further back, for the value its first bucket began with.
    earlier = (
        min(window.interval, window.start - BEGINNING) if question.aggregation == "rate" else timedelta(0)
    )
    return {
        "project_id": question.project_id,
        "series_ids": list(question.lines),
        "line_numbers": list(question.lines.values()),
        "start": window.start - earlier,
        "end": window.end,
        "first": window.start,
        "hour_before": window.start - min(earlier + LOOK_BACK, window.start - BEGINNING),
        "interval": window.interval,
        "epoch": EPOCH,
    }


def _sql(question: Question) -> str:
    columns, select = _SELECTS[question.aggregation]
    parts = reading.parts(
        POINT_ROLLUP,
        question.window.tier,
        f"series_id, bucket, point_count, {', '.join(columns)}",
        f'series_id, "timestamp" AS bucket, {raw_columns("point_count", *columns)}',
        "series_id = ANY(%(series_ids)s)",
        raw_rows=f"({_INCREMENTS}) AS points" if question.has_histograms else "",
    )
    rows = f"""
        SELECT line, date_bin(%(interval)s, bucket, %(epoch)s) AS moment, part.*
        FROM ({parts}) AS part
        JOIN unnest(%(series_ids)s::bigint[], %(line_numbers)s::int[]) AS wanted (series_id, line) USING (series_id)
        WHERE point_count > 0"""
    return (
        f"WITH {reading.state(POINT_ROLLUP)} SELECT * FROM ({select(rows)}) AS aggregated "
        "WHERE value IS NOT NULL AND moment >= %(first)s ORDER BY line, moment"
    )


def _summed(expression: str) -> Callable[[str], str]:
    return lambda rows: f"SELECT line, moment, {expression} AS value FROM ({rows}) AS part GROUP BY 1, 2"


def _rate(rows: str) -> str:
    return (
        "SELECT line, moment, sum(increase) + coalesce(sum(gained), 0) AS value "
        f"FROM ({linked(rows, 'series_id')}) AS linked GROUP BY 1, 2"
    )


def _percentile(q: float, given: str) -> _Select:
    def select(rows: str) -> str:
        return f"""
            SELECT line, moment, {percentile_of_buckets_sql(q)} AS value
            FROM (
                SELECT *, sum(weight) OVER (PARTITION BY line, moment ORDER BY code) AS seen,
                          sum(weight) OVER (PARTITION BY line, moment) AS total
                FROM (
                    SELECT line, moment, code, sum(weight) AS weight,
                           min(min) AS low, max(max) AS high, max({given}) AS given
                    FROM (SELECT line, moment, min, max, {given}, {BUCKETED} FROM ({rows}) AS part) AS bucketed
                    GROUP BY 1, 2, 3
                ) AS merged
            ) AS ranked
            GROUP BY 1, 2"""

    return ("min", "max", "codes", "counts", given), select


_SELECTS: dict[Aggregation, _Select] = {
    "avg": (("sum", "count"), _summed("sum(sum) / nullif(sum(count), 0)::float8")),
    "min": (("min",), _summed(f"nullif(min(min), {UNKNOWN_MIN})")),
    "max": (("max",), _summed(f"nullif(max(max), {UNKNOWN_MAX})")),
    "sum": (("sum",), _summed("sum(sum)")),
    "count": (("count",), _summed("sum(count)::float8")),
    "last": (("last_value", "last_at"), _summed(value_at_sql("max", "last_value", "last_at"))),
    "rate": (("increase", "first_value", "first_at", "final_value"), _rate),
    "p50": _percentile(0.50, "percentile_50"),
    "p90": _percentile(0.90, "percentile_90"),
    "p95": _percentile(0.95, "percentile_95"),
    "p99": _percentile(0.99, "percentile_99"),
}
"""Aggregation -> the columns it reads, and SQL that makes (line, moment, value) of rows with them."""
