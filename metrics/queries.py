"""Reads of metrics beyond a one-line queryset."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from django.db import connection

from metrics.increments import CUMULATIVE, LOOK_BACK, increments
from metrics.models import MetricMetadata, MetricPoint, MetricSeries

_FAMILY_SUFFIXES = ("_total", "_bucket", "_count", "_sum")

_ADDED = f"""
    SELECT point.series_id, point."timestamp", point.value, point.count, point.buckets
    FROM unnest(%(series_ids)s::bigint[], %(times)s::timestamptz[]) AS wanted (series_id, "timestamp")
    JOIN ({increments('before."timestamp" >= %(hour_before)s AND before."timestamp" <= %(newest)s')}) AS point
        ON point.series_id = wanted.series_id AND point."timestamp" = wanted."timestamp"
    WHERE point."timestamp" >= %(oldest)s AND point."timestamp" <= %(newest)s
"""


def newest_points(series_ids: Iterable[int], since: datetime | None = None) -> dict[int, MetricPoint]:
    """The last point of each series, as `as_added` has it: one step down the key's index per series and partition.

    With `since`, only those days' partitions are looked into; series without a point since then are missing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT newest.* FROM metric_series wanted CROSS JOIN LATERAL ("
            "SELECT series_id, timestamp, value, stale, count, temporality FROM metric_points "
            "WHERE series_id = wanted.id AND timestamp >= %s ORDER BY timestamp DESC LIMIT 1) AS newest "
            "WHERE wanted.id = ANY(%s)",
            [since or "-infinity", list(series_ids)],
        )
        names = [column.name for column in cursor.description or ()]
        found = [MetricPoint(**dict(zip(names, row, strict=True))) for row in cursor.fetchall()]
    return {point.series_id: point for point in as_added(found)}


def as_added(points: Sequence[MetricPoint]) -> list[MetricPoint]:
    """The same points, cumulative distributions with what came since the one before: one query where there are any."""
    cumulative = [point for point in points if point.temporality == CUMULATIVE and point.count is not None]
    if not cumulative:
        return list(points)
    times = [point.timestamp for point in cumulative]
    parameters: dict[str, Any] = {
        "series_ids": [point.series_id for point in cumulative],
        "times": times,
        "oldest": min(times),
        "newest": max(times),
        "hour_before": min(times) - LOOK_BACK,
    }
    with connection.cursor() as cursor:
        cursor.execute(_ADDED, parameters)
        added = {row[:2]: row[2:] for row in cursor.fetchall()}
    for point in cumulative:
        value, count, buckets = added.get((point.series_id, point.timestamp), (None, 0, None))
        point.value, point.count, point.min, point.max = value, count, None, None
        point.buckets = msgspec.json.decode(buckets) if isinstance(buckets, str) else buckets
    return list(points)


def describe(project_id: int, series: Iterable[MetricSeries]) -> None:
    """Give each series the `description` of its metric, '' where nobody sent one; one query.

    Prometheus describes `requests` once for `requests_count`, `requests_sum` and `requests_bucket`.
    """
    listed = list(series)
    names = {name for one in listed for name in _described_as(one.name)}
    known = dict(
        MetricMetadata.objects.filter(project_id=project_id, metric_name__in=names).values_list(
            "metric_name", "description"
        )
    )
    for one in listed:
        texts = (known.get(name) for name in _described_as(one.name))
        one.description = next(filter(None, texts), "")


def _described_as(name: str) -> list[str]:
    families = [name.removesuffix(suffix) for suffix in _FAMILY_SUFFIXES if name.endswith(suffix)]
    return [name, *families]
