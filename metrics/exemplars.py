"""Exemplars: single measurements that lead from a metric to the trace they were taken in. No Django here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from metrics.records import SERIES, OfSeries, labels_of_record, series_row, timestamp_of
from metrics.series import series_identity
from storage.fields import Text
from storage.ids import normal_trace_id
from storage.records import Bounds, RecordError, References, Write
from storage.references import is_stored
from storage.registry import Sharding, Table, register
from storage.values import json_text

EXEMPLARS = register(
    Table(
        name="metric_exemplars",
        columns=(
            "project_id",
            "series_id",
            "timestamp",
            "value",
            "trace_id",
            "span_id",
            "attributes",
            "received_at",
        ),
        # The value, too: exemplars without a trace may share a moment.
        key=("series_id", "timestamp", "trace_id", "span_id", "value"),
        retention="metrics",
        time_column="timestamp",
        sharding=Sharding(column="series_id", beside=SERIES.name),
        beside=True,
        words="Exemplars",
    )
)


class ExemplarRecord(OfSeries, forbid_unknown_fields=True, kw_only=True):
    """A value that a series measured, and where: `attributes` are those its series doesn't have."""

    value: float
    trace_id: Text = ""
    span_id: Text = ""
    attributes: dict[str, Any] | None = None


def prepare(records: Iterable[tuple[int, ExemplarRecord]], bounds: Bounds) -> tuple[Write, list[RecordError]]:
    """Rows for the writer from (index, record) pairs, and an error for each record that can't be stored."""
    references = References(SERIES, EXEMPLARS.position("series_id"))
    write = Write(EXEMPLARS, references=references)
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
        identity = series_identity(bounds.project_id, record.metric_name, record.metric_type, labels)
        if identity[0] not in references.rows and not is_stored(SERIES, *identity):
            references.rows[identity[0]] = series_row(record, bounds, labels, identity)
        row = (
            bounds.project_id,
            identity[0],
            timestamp,
            record.value,
            normal_trace_id(record.trace_id),
            normal_trace_id(record.span_id),
            json_text(record.attributes),
            bounds.received_at,
        )
        write.add_dated(index, row, timestamp)
    return write, errors
