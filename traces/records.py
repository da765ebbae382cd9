"""A span as it arrives, and the row it becomes. No Django here."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec.structs import astuple

from storage.fields import Actor, Milliseconds, Moment, Name, Text, text_or_none
from storage.ids import normal_trace_id
from storage.records import Bounds, RecordError, Write
from storage.registry import Sharding, Table, register
from storage.times import utc_time
from storage.values import EMPTY_LIST, json_text

SPANS = register(
    Table(
        name="traces",
        columns=(
            # Between the first and the last the order is that of ForeignSpan's fields.
            "project_id",
            "trace_id",
            "span_id",
            "parent_span_id",
            "service_name",
            "operation_name",
            "start_time",
            "duration_ms",
            "kind",
            "status",
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
Kind = Literal["internal", "server", "client", "producer", "consumer"]
Status = Literal["ok", "error", "unset"]


class SpanRecord(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """One native span. Ids in hexadecimal are stored in lower case, so that one trace has one id."""

    trace_id: TraceId
    span_id: SpanId
    parent_span_id: ParentId | None = None
    service_name: Name
    operation_name: Name
    start_time: Moment
    duration_ms: Milliseconds
    kind: Kind = "internal"
    status: Status = "unset"
    http_method: Text | None = None
    http_url: Url | None = None
    http_status_code: HttpStatus | None = None
    user_id: Actor | None = None
    tags: dict[str, Any] | None = None


class ForeignSpan(msgspec.Struct, gc=False):
    """What other formats make of theirs, in the table's order: made by name it would cost 0.5 us more.

    Their decoders keep the limits: a struct made by hand checks nothing. Hexadecimal ids are in lower case, the time is
    in UTC, what is JSON is a text already: decoders put the tags together from what repeats, for half of what encoding
    them whole costs. An event is `{"name", "timestamp", "attributes"}`, a link `{"trace_id", "span_id", "attributes"}`.
    """

    trace_id: str
    span_id: str
    parent_span_id: str | None
    service_name: str
    operation_name: str
    start_time: datetime
    duration_ms: float
    kind: Kind
    status: Status
    http_method: str | None
    http_url: str | None
    http_status_code: int | None
    user_id: str | None
    tags_json: str
    events_json: str = EMPTY_LIST
    links_json: str = EMPTY_LIST


AnySpan = SpanRecord | ForeignSpan


def prepare(records: Iterable[tuple[int, AnySpan]], bounds: Bounds) -> tuple[Write, list[RecordError]]:
    """Rows for the writer from (index, record) pairs, and an error for each record that can't be stored."""
    write = Write(SPANS)
    errors: list[RecordError] = []
    for index, record in records:
        try:
            span = record if isinstance(record, ForeignSpan) else _without_spellings(record)
        except ValueError as error:
            errors.append(RecordError(index, "start_time", "invalid", str(error)))
            continue
        if problem := bounds.error(index, "start_time", span.start_time):
            errors.append(problem)
            continue
        row = (bounds.project_id, *astuple(span), bounds.received_at)
        write.add_dated(index, row, span.start_time)
    return write, errors


def _without_spellings(record: SpanRecord) -> ForeignSpan:
    """A native span as one whose values have one spelling each. Raises ValueError where its start is no time."""
    return ForeignSpan(
        trace_id=normal_trace_id(record.trace_id),
        span_id=normal_trace_id(record.span_id),
        parent_span_id=normal_trace_id(record.parent_span_id) if record.parent_span_id else None,
        service_name=record.service_name,
        operation_name=record.operation_name,
        start_time=utc_time(record.start_time),
        duration_ms=record.duration_ms,
        kind=record.kind,
        status=record.status,
        http_method=record.http_method,
        http_url=record.http_url,
        http_status_code=record.http_status_code,
        user_id=text_or_none(record.user_id),
        tags_json=json_text(record.tags),
    )
