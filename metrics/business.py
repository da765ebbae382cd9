"""A business metric as it arrives, and the row it becomes or replaces. No Django here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from storage.fields import Actor, Moment, Name, Text, text_or_none
from storage.records import Bounds, RecordError, Row, Write, digest_128, random_uuid
from storage.registry import Table, register
from storage.times import utc_time
from storage.values import json_text

BUSINESS_METRICS = register(
    Table(
        name="business_metrics",
        columns=(
            "id",
            "project_id",
            "identity",
            "metric_name",
            "metric_category",
            "metric_value",
            "metric_unit",
            "currency",
            "period_start",
            "period_end",
            "period_type",
            "calculation_method",
            "tenant_id",
            "dimensions",
            "received_at",
        ),
        key=("project_id", "identity"),
        retention="business",
        time_column="period_end",
        partitioned=False,
        mode="replace",
        compare=("metric_value", "metric_unit", "currency", "calculation_method"),
    )
)


class BusinessMetricRecord(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One native business metric: a value over a period. `license_id` is an older name of `tenant_id`."""

    metric_name: Name
    metric_value: float
    metric_category: Text = ""
    metric_unit: Text = ""
    currency: Text = ""
    period_start: Moment
    period_end: Moment
    period_type: Text = ""
    calculation_method: Text = ""
    tenant_id: Actor | None = None
    license_id: Actor | None = None
    dimensions: dict[str, Any] | None = None


def prepare(
    records: Iterable[tuple[int, BusinessMetricRecord]], bounds: Bounds
) -> tuple[Write, list[RecordError]]:
    """Rows for the writer from (index, record) pairs, and an error for each record that can't be stored."""
    write = Write(BUSINESS_METRICS)
    errors: list[RecordError] = []
    for index, record in records:
        if record.tenant_id is not None and record.license_id is not None:
            message = "license_id is another name of tenant_id; send one of them"
            errors.append(RecordError(index, "license_id", "given_twice", message))
            continue
        period = _period(index, record, bounds)
        if isinstance(period, RecordError):
            errors.append(period)
        else:
            write.add(index, _row(record, bounds, *period))
    return write, errors


def _period(
    index: int, record: BusinessMetricRecord, bounds: Bounds
) -> tuple[datetime, datetime] | RecordError:
    """(start, end) in UTC. A period may still run: its end is free, only its start must not lie ahead."""
    moments: list[datetime] = []
    for name, given in (("period_start", record.period_start), ("period_end", record.period_end)):
        try:
            moments.append(utc_time(given))
        except ValueError as error:
            return RecordError(index, name, "invalid", str(error))
    start, end = moments
    if end < start:
        return RecordError(index, "period_end", "invalid", "period_end lies before period_start")
    problem = bounds.too_old(index, "period_end", end) or bounds.in_future(index, "period_start", start)
    return problem or (start, end)


def _row(record: BusinessMetricRecord, bounds: Bounds, start: datetime, end: datetime) -> Row:
    tenant = text_or_none(record.tenant_id if record.tenant_id is not None else record.license_id) or ""
    identity = digest_128(
        bounds.project_id,
        record.metric_name,
        record.metric_category,
        start.isoformat(),
        end.isoformat(),
        record.period_type,
        tenant,
        msgspec.json.encode(record.dimensions or {}, order="sorted"),
    )
    return (
        random_uuid(),
        bounds.project_id,
        identity,
        record.metric_name,
        record.metric_category,
        record.metric_value,
        record.metric_unit,
        record.currency,
        start,
        end,
        record.period_type,
        record.calculation_method,
        tenant,
        json_text(record.dimensions),
        bounds.received_at,
    )
