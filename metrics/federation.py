"""The newest value of each series, for a Prometheus server that scrapes this platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import DataError, connection, transaction
from psycopg.errors import InvalidRegularExpression

from metrics.distribution import code_of_sql
from metrics.federation_selectors import Matcher, SelectorError, condition
from projects.time_limits import limit_statements
from storage.log_buckets import percentile_sql

MAX_SERIES = 50_000
DEFAULT_LOOKBACK = timedelta(minutes=5)
"""As Prometheus' own: a series without a value for longer has ended."""

MAX_LOOKBACK = timedelta(hours=1)
STATEMENT_SECONDS = 30.0

QUANTILES = (0.5, 0.9, 0.95, 0.99)


class TooManySeries(ValueError):
    """More than 50,000 series match."""


@dataclass(frozen=True, slots=True)
class Newest:
    """A series and its newest point. Of a distribution `quantiles` are None where it holds nothing.

    `temporality` is that of `metrics.increments`.
    """

    name: str
    metric_type: str
    labels: dict[str, str]
    timestamp: datetime
    temporality: int | None
    value: float | None
    count: int | None
    sum: float | None
    quantiles: tuple[float | None, ...]


# Per series one step down the key's index in the one or two partitions that the range touches. Quantiles here, because
# buckets are twenty times as long as all the rest of a row.
_SQL = f"""
    SELECT series.name, series.metric_type, series.labels::text,
           newest."timestamp", newest.temporality, newest.value, newest.count, newest.sum, quantiles.found
    FROM metric_series AS series
    CROSS JOIN LATERAL (
        SELECT point."timestamp", point.temporality, point.value, point.count, point.sum, point.buckets, point.stale
        FROM metric_points AS point
        WHERE point.series_id = series.id AND point."timestamp" > %s AND point."timestamp" <= %s
        ORDER BY point."timestamp" DESC LIMIT 1
    ) AS newest
    CROSS JOIN LATERAL (
        SELECT ARRAY[{", ".join(percentile_sql(q) for q in QUANTILES)}]::float8[] AS found
        FROM (
            SELECT code, sum(weight) OVER (ORDER BY code) AS seen, sum(weight) OVER () AS total
            FROM (
                SELECT {code_of_sql("key")} AS code, value::bigint AS weight FROM jsonb_each_text(newest.buckets)
            ) AS buckets
        ) AS ranked
    ) AS quantiles
    WHERE series.project_id = %s AND NOT newest.stale AND {{condition}}
    ORDER BY series.name, series.labels::text
    LIMIT {MAX_SERIES + 1}"""


def newest_values(
    project_id: int, selectors: Sequence[Sequence[Matcher]], now: datetime, lookback: timedelta
) -> list[Newest]:
    """Series that had a value within `lookback` and haven't ended since, by name; all where no selector is given.

    Raises SelectorError for a pattern that is none, TooManySeries.
    """
    matches, parameters = condition(selectors)
    with transaction.atomic(), connection.cursor() as cursor:
        limit_statements(STATEMENT_SECONDS)
        try:
            cursor.execute(_SQL.format(condition=matches), [now - lookback, now, project_id, *parameters])
        except DataError as error:
            if isinstance(error.__cause__, InvalidRegularExpression):
                raise SelectorError(error.__cause__.diag.message_primary or "invalid pattern") from None
            raise
        rows = cursor.fetchall()
    if len(rows) > MAX_SERIES:
        raise TooManySeries
    return [_newest(row) for row in rows]


def _newest(row: tuple[Any, ...]) -> Newest:
    name, metric_type, labels, timestamp, temporality, value, count, total, quantiles = row
    by_name = msgspec.json.decode(labels, type=dict[str, str])
    return Newest(name, metric_type, by_name, timestamp, temporality, value, count, total, tuple(quantiles))


def descriptions(project_id: int, names: Iterable[str]) -> dict[str, str]:
    """What is known of metrics in words, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT metric_name, description FROM metric_metadata "
            "WHERE project_id = %s AND metric_name = ANY(%s) AND description <> ''",
            [project_id, list(names)],
        )
        return dict(cursor.fetchall())
