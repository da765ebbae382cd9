"""A span as it arrives, and the row it becomes. No Django here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any, Literal

import msgspec

from storage.fields import Actor, Milliseconds, Moment, Name, Text, text_or_none
from storage.ids import normal_trace_id
from storage.records import Bounds, RecordError, Row, Write
from storage.registry import Sharding, Table, register
from storage.times import utc_time
from storage.values import EMPTY_LIST, json_text, list_text

SPANS = register(
    Table(
        name="traces",
        columns=(
            "project_id",
            "start_time",
            "trace_id",
            "span_id",
            "parent_span_id",
            "service_name",
            "operation_name",
            "kind",
            "status",
            "duration_ms",
            "http_method",
            "http_url",
            "http_status_code",
            "user_id",
            "tags",
            "events",
            "links",
            "received_at",
        ),
        key=("project_id", "start_time", "trace_id", "span_id"),
        retention="traces",
        time_column="start_time",
        time_field="start_time",
        sharding=Sharding(column="trace_id"),
    )
)

# The look-ahead: "$" alone also matches before a line break at the end.
_ID_PATTERN = r"^[0-9A-Za-z_-]+$(?!\n)"

TraceId = Annotated[str, msgspec.Meta(min_length=1, max_length=64, pattern=_ID_PATTERN)]
SpanId = TraceId
ParentId = Annotated[str, msgspec.Meta(max_length=64, pattern=r"^[0-9A-Za-z_-]*$(?!\n)")]
Url = Annotated[str, msgspec.Meta(max_length=8192)]
HttpStatus = Annotated[int, msgspec.Meta(ge=100, le=599)]


class _SpanFields(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """Ids in hexadecimal are stored in lower case, so that one trace has one id."""

    trace_id: TraceId
    span_id: SpanId
    parent_span_id: ParentId | None = None
    service_name: Name
    operation_name: Name
    start_time: Moment
    duration_ms: Milliseconds
    kind: Literal["internal", "server", "client", "producer", "consumer"] = "internal"
    status: Literal["ok", "error", "unset"] = "unset"
    http_method: Text | None = None
    http_url: Url | None = None
    http_status_code: HttpStatus | None = None
    user_id: Actor | None = None
    tags: dict[str, Any] | None = None


class SpanRecord(_SpanFields, forbid_unknown_fields=True, kw_only=True):
    """One native span."""


class ForeignSpan(_SpanFields, forbid_unknown_fields=True, kw_only=True):
    """What other formats make of theirs. Their decoders keep the limits: a struct made by hand checks nothing.

    Hexadecimal ids are in lower case already. An event is `{"name", "timestamp", "attributes"}`, a link
    `{"trace_id", "span_id", "attributes"}`.
    """

    events: list[dict[str, Any]] | None = None
    links: list[dict[str, Any]] | None = None


AnySpan = SpanRecord | ForeignSpan


def prepare(records: Iterable[tuple[int, AnySpan]], bounds: Bounds) -> tuple[Write, list[RecordError]]:
    """Rows for the writer from (index, record) pairs, and an error for each record that can't be stored."""
    write = Write(SPANS)
    errors: list[RecordError] = []
    for index, record in records:
        try:
            start_time = utc_time(record.start_time)
        except ValueError as error:
            errors.append(RecordError(index, "start_time", "invalid", str(error)))
            continue
        if problem := bounds.error(index, "start_time", start_time):
            errors.append(problem)
            continue
        row = (
            bounds.project_id,
            start_time,
            *_described(record),
            *_events_and_links(record),
            bounds.received_at,
        )
        write.add_dated(index, row, start_time)
    return write, errors


def _described(record: AnySpan) -> Row:
    """The columns from `trace_id` to `tags`."""
    return (
        *_ids(record),
        record.service_name,
        record.operation_name,
        record.kind,
        record.status,
        record.duration_ms,
        record.http_method,
        record.http_url,
        record.http_status_code,
        text_or_none(record.user_id),
        json_text(record.tags),
    )


def _ids(record: AnySpan) -> Row:
    if isinstance(record, ForeignSpan):
        return record.trace_id, record.span_id, record.parent_span_id
    return (
        normal_trace_id(record.trace_id),
        normal_trace_id(record.span_id),
        normal_trace_id(record.parent_span_id) if record.parent_span_id else None,
    )


def _events_and_links(record: AnySpan) -> Row:
    if isinstance(record, SpanRecord):
        return EMPTY_LIST, EMPTY_LIST
    return list_text(record.events), list_text(record.links)
