"""A metric record as it arrives, and the point and series it becomes. No Django here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from metrics.distribution import Distribution
from metrics.series import Labels, Scalar, labels_of, series_identity
from storage.fields import Moment, Name, Text
from storage.records import Bounds, RecordError, References, Row, Write
from storage.registry import ReferenceTable, Sharding, Table, register, register_references
from storage.times import utc_time
from storage.values import json_text

SERIES = register_references(
    ReferenceTable(
        name="metric_series",
        columns=(
            "id",
            "project_id",
            "name",
            "metric_type",
            "unit",
            "labels",
            "service_name",
            "host_name",
            "instance_id",
            "fingerprint",
            "created_at",
        ),
        fingerprint="fingerprint",
    )
)

POINTS = register(
    Table(
        name="metric_points",
        columns=(
            "project_id",
            "series_id",
            "timestamp",
            "value",
            "count",
            "sum",
            "min",
            "max",
            "buckets",
            "percentile_50",
            "percentile_90",
            "percentile_95",
            "percentile_99",
            "stale",
            "received_at",
        ),
        key=("series_id", "timestamp"),
        retention="metrics",
        time_column="timestamp",
        # Not the buckets: jsonb comes back in another form, and the other columns tell distributions apart.
        compare=(
            "value",
            "count",
            "sum",
            "min",
            "max",
            "percentile_50",
            "percentile_90",
            "percentile_95",
            "percentile_99",
            "stale",
        ),
        conflict_field="metric_value",
        sharding=Sharding(column="series_id", beside=SERIES.name),
    )
)

Temporality = Literal["delta", "cumulative"]
"""What a counter or distribution holds: what came since the point before, or all since `start_time` (OTLP's words)."""

MetricType = Literal["counter", "gauge", "histogram", "timer"]


class _Described(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which series a point belongs to, and when it was."""

    metric_name: Name
    metric_type: MetricType = "gauge"
    metric_unit: Text = ""
    service_name: Text | None = None
    host_name: Text | None = None
    instance_id: Text | None = None
    timestamp: Moment | None = None
    tags: dict[str, Scalar] | None = None
    percentile_50: float | None = None
    percentile_90: float | None = None
    percentile_95: float | None = None
    percentile_99: float | None = None


class MetricRecord(_Described, forbid_unknown_fields=True, kw_only=True):
    """One native metric record: a finite value of a series at a time."""

    metric_value: float


class PointRecord(_Described, forbid_unknown_fields=True, kw_only=True):
    """What the platform itself and other formats write: a value, a distribution, or the end of a series.

    With a distribution the value is its mean. `stale` says that the series ended here.
    """

    metric_value: float | None = None
    distribution: Distribution | None = None
    stale: bool = False
    temporality: Temporality | None = None
    start_time: Moment | None = None
    """Since when a cumulative value or distribution has been counting."""
    histogram: dict[str, Any] | None = None
    """The buckets or quantiles as they came, for people to read."""


AnyMetricRecord = MetricRecord | PointRecord


def prepare(
    records: Iterable[tuple[int, AnyMetricRecord]], bounds: Bounds
) -> tuple[Write, list[RecordError]]:
    """Rows for the writer from (index, record) pairs, and an error for each record that can't be stored."""
    references = References(SERIES, POINTS.position("series_id"))
    write = Write(POINTS, references=references)
    errors: list[RecordError] = []
    for index, record in records:
        timestamp = _timestamp(index, record, bounds)
        if isinstance(timestamp, RecordError):
            errors.append(timestamp)
            continue
        labels = _labels(index, record)
        if isinstance(labels, RecordError):
            errors.append(labels)
            continue
        identity = series_identity(bounds.project_id, record.metric_name, record.metric_type, labels)
        if identity[0] not in references.rows:
            references.rows[identity[0]] = _series_row(record, bounds, labels, identity)
        write.add_dated(index, _point_row(record, bounds, identity[0], timestamp), timestamp)
    return write, errors


def _timestamp(index: int, record: AnyMetricRecord, bounds: Bounds) -> datetime | RecordError:
    if record.timestamp is None:
        # One microsecond a record keeps the order in which a batch was sent.
        return bounds.received_at + timedelta(microseconds=index)
    try:
        timestamp = utc_time(record.timestamp)
    except ValueError as error:
        return RecordError(index, "timestamp", "invalid", str(error))
    return bounds.error(index, "timestamp", timestamp) or timestamp


def _labels(index: int, record: AnyMetricRecord) -> Labels | RecordError:
    copied = {
        "service_name": record.service_name,
        "host_name": record.host_name,
        "instance_id": record.instance_id,
    }
    try:
        return labels_of(record.tags, copied)
    except ValueError as error:
        return RecordError(index, "tags", "invalid", str(error))


def _series_row(record: AnyMetricRecord, bounds: Bounds, labels: Labels, identity: tuple[int, Any]) -> Row:
    by_name = dict(labels)
    return (
        identity[0],
        bounds.project_id,
        record.metric_name,
        record.metric_type,
        record.metric_unit,
        json_text(by_name),
        by_name.get("service_name"),
        by_name.get("host_name"),
        by_name.get("instance_id"),
        identity[1],
        bounds.received_at,
    )


def _point_row(record: AnyMetricRecord, bounds: Bounds, series_id: int, timestamp: datetime) -> Row:
    return (
        bounds.project_id,
        series_id,
        timestamp,
        *_measured(record),
        record.percentile_50,
        record.percentile_90,
        record.percentile_95,
        record.percentile_99,
        isinstance(record, PointRecord) and record.stale,
        bounds.received_at,
    )


def _measured(record: AnyMetricRecord) -> Row:
    """(value, count, sum, min, max, buckets) of a record."""
    if isinstance(record, MetricRecord) or record.distribution is None:
        return record.metric_value, None, None, None, None, None
    found = record.distribution
    return found.mean, found.count, found.sum, found.min, found.max, json_text(found.buckets)
