"""A metric record as it arrives, and the point and series it becomes. No Django here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec

from metrics.distribution import Distribution
from metrics.increments import CUMULATIVE, DELTA
from metrics.series import Labels, Scalar, labels_of, series_identity
from storage.fields import Moment, Name, Text
from storage.records import Bounds, RecordError, References, Row, Write
from storage.references import is_stored
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
            "temporality",
            "start_time",
            "histogram",
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

TEMPORALITIES: dict[Temporality, int] = {"delta": DELTA, "cumulative": CUMULATIVE}
LARGEST_COUNT = 2**63 - 1
"""Of the column, and of the sums that roll-ups make."""

MetricType = Literal["counter", "gauge", "histogram", "timer"]


class OfSeries(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Which series something belongs to, and when it was."""

    metric_name: Name
    metric_type: MetricType = "gauge"
    metric_unit: Text = ""
    service_name: Text | None = None
    host_name: Text | None = None
    instance_id: Text | None = None
    timestamp: Moment | None = None
    tags: dict[str, Scalar] | None = None


class _Point(OfSeries, forbid_unknown_fields=True, kw_only=True):
    percentile_50: float | None = None
    percentile_90: float | None = None
    percentile_95: float | None = None
    percentile_99: float | None = None


class MetricRecord(_Point, forbid_unknown_fields=True, kw_only=True):
    """One native metric record: a finite value of a series at a time."""

    metric_value: float


class PointRecord(_Point, forbid_unknown_fields=True, kw_only=True):
    """What the platform itself and other formats write: a value, a distribution, or the end of a series.

    With a distribution the value is its mean. `stale` says that the series ended here. Cumulative distributions are of
    type histogram, so that no reader has to look for them elsewhere.
    """

    metric_value: float | None = None
    distribution: Distribution | None = None
    stale: bool = False
    temporality: Temporality | None = None
    start_time: Moment | None = None
    """Since when a cumulative value or distribution has been counting."""
    histogram: dict[str, Any] | None = None
    """The buckets or quantiles as they came, for people to read."""
    labels: Labels | None = None
    """All labels, from a decoder that has made them before. `tags` then say nothing, and the copied fields only fill
    the columns for searching where no label has their name (Prometheus' `job`)."""


AnyMetricRecord = MetricRecord | PointRecord


def prepare(
    records: Iterable[tuple[int, AnyMetricRecord]], bounds: Bounds
) -> tuple[Write, list[RecordError]]:
    """Rows for the writer from (index, record) pairs, and an error for each record that can't be stored."""
    references = References(SERIES, POINTS.position("series_id"))
    write = Write(POINTS, references=references)
    errors: list[RecordError] = []
    for index, record in records:
        timestamp = timestamp_of(index, record, bounds)
        if isinstance(timestamp, RecordError):
            errors.append(timestamp)
            continue
        labels = labels_of_record(index, record)
        if isinstance(labels, RecordError):
            errors.append(labels)
            continue
        counted = _counted(index, record) if isinstance(record, PointRecord) else _ONE_VALUE
        if isinstance(counted, RecordError):
            errors.append(counted)
            continue
        identity = series_identity(bounds.project_id, record.metric_name, record.metric_type, labels)
        if identity[0] not in references.rows and not is_stored(SERIES, *identity):
            references.rows[identity[0]] = series_row(record, bounds, labels, identity)
        if is_cumulative_distribution(record):
            write.reaches_next_hour = True
        write.add_dated(index, _point_row(record, bounds, identity[0], timestamp, counted), timestamp)
    return write, errors


def is_cumulative_distribution(record: AnyMetricRecord) -> bool:
    """Whether the point counts what earlier ones did, so that what it adds depends on the one before."""
    return (
        isinstance(record, PointRecord)
        and record.temporality == "cumulative"
        and record.distribution is not None
    )


def timestamp_of(index: int, record: OfSeries, bounds: Bounds) -> datetime | RecordError:
    """The record's time inside the bounds, in UTC; now where it has none."""
    if record.timestamp is None:
        # One microsecond a record keeps the order in which a batch was sent.
        return bounds.received_at + timedelta(microseconds=index)
    try:
        timestamp = utc_time(record.timestamp)
    except ValueError as error:
        return RecordError(index, "timestamp", "invalid", str(error))
    return bounds.error(index, "timestamp", timestamp) or timestamp


def labels_of_record(index: int, record: OfSeries) -> Labels | RecordError:
    """All labels of a record, the copied ones among them."""
    if isinstance(record, PointRecord) and record.labels is not None:
        return record.labels
    copied = {
        "service_name": record.service_name,
        "host_name": record.host_name,
        "instance_id": record.instance_id,
    }
    try:
        return labels_of(record.tags, copied)
    except ValueError as error:
        return RecordError(index, "tags", "invalid", str(error))


def series_row(record: OfSeries, bounds: Bounds, labels: Labels, identity: tuple[int, Any]) -> Row:
    """The row of a record's series, as `SERIES.columns` has it."""
    by_name = dict(labels)
    return (
        identity[0],
        bounds.project_id,
        record.metric_name,
        record.metric_type,
        record.metric_unit,
        json_text(by_name),
        by_name.get("service_name", record.service_name),
        by_name.get("host_name", record.host_name),
        by_name.get("instance_id", record.instance_id),
        identity[1],
        bounds.received_at,
    )


_ONE_VALUE: Row = (None, None, None)


def _counted(index: int, record: PointRecord) -> Row | RecordError:
    """(temporality, start_time, histogram) of a point, or why it can't be stored."""
    found = record.distribution
    if found is not None and not _is_countable(found):
        message = f"a distribution counts from 0 to {LARGEST_COUNT}"
        return RecordError(index, "distribution", "invalid", message)
    if is_cumulative_distribution(record) and record.metric_type != "histogram":
        message = "a cumulative distribution is of type histogram"
        return RecordError(index, "metric_type", "invalid", message)
    try:
        began = None if record.start_time is None else utc_time(record.start_time)
    except ValueError as error:
        return RecordError(index, "start_time", "invalid", str(error))
    return (
        record.temporality and TEMPORALITIES[record.temporality],
        began,
        None if record.histogram is None else json_text(record.histogram),
    )


def _is_countable(found: Distribution) -> bool:
    """Whether no sum of its counts leaves a bigint."""
    counts = found.buckets.values()
    return 0 <= found.count <= LARGEST_COUNT and min(counts, default=0) >= 0 and sum(counts) <= LARGEST_COUNT


def _point_row(
    record: AnyMetricRecord, bounds: Bounds, series_id: int, timestamp: datetime, counted: Row
) -> Row:
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
        *counted,
        bounds.received_at,
    )


def _measured(record: AnyMetricRecord) -> Row:
    """(value, count, sum, min, max, buckets) of a record."""
    if isinstance(record, MetricRecord) or record.distribution is None:
        return record.metric_value, None, None, None, None, None
    found = record.distribution
    # A summary has percentiles instead: no buckets, not empty ones, or the percentiles would count for nothing.
    buckets = json_text(found.buckets) if found.buckets or not _has_percentiles(record) else None
    return found.mean, found.count, found.sum, found.min, found.max, buckets


def _has_percentiles(record: AnyMetricRecord) -> bool:
    given = (record.percentile_50, record.percentile_90, record.percentile_95, record.percentile_99)
    return any(value is not None for value in given)
