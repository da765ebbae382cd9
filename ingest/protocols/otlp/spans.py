"""OTLP spans as records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ingest.protocols.base import Decoded
from ingest.protocols.otlp import conventions
from ingest.protocols.otlp.envelopes import Contents
from ingest.protocols.otlp.messages import SELDOM, CommonSpan, Message, Span, SpanEvent, SpanLink
from ingest.protocols.otlp.origins import UNKNOWN_SERVICE, Origin, OriginReader, merged_json, with_origins
from ingest.protocols.otlp.values import (
    AttributeReader,
    Attributes,
    BadRecord,
    hex_id,
    moment,
    moment_text,
    optional_hex_id,
    parsed,
)
from ingest.protocols.texts import cut_into
from storage.values import EMPTY_LIST, list_text
from traces.records import ForeignSpan, Kind, Status

TRACE_ID_BYTES = 16
SPAN_ID_BYTES = 8

_KINDS: dict[int, Kind] = {1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}
_STATUSES: dict[int, Status] = {1: "ok", 2: "error"}


def decode_spans(contents: Sequence[Contents]) -> list[Decoded[Any]]:
    """The spans as one part."""
    attributes = AttributeReader()
    part: Decoded[ForeignSpan] = Decoded("traces")
    for origin, raws in with_origins(contents, OriginReader(attributes), part.errors):
        for index, raw in raws:
            try:
                part.records.append((index, _span(raw, origin, attributes)))
            except BadRecord as error:
                part.errors.append(error.at(index))
    return [part]


def _span(raw: bytes, origin: Origin, reader: AttributeReader) -> ForeignSpan:
    span = parsed(CommonSpan, raw)
    attributes = reader.read(span.attributes)
    conventions.add_database_names(attributes)
    seldom = parsed(Span, raw) if span.WhichOneof(SELDOM) else None
    if seldom:
        _add_seldom(attributes, seldom)
    start_nanos, end_nanos = span.start_time_unix_nano, span.end_time_unix_nano
    start_time = moment(start_nanos, "start_time")
    if end_nanos < start_nanos:
        raise BadRecord("duration_ms", "the span ends before it starts")
    if not (name := span.name):
        raise BadRecord("operation_name", "the span has no name", "required")
    status = _status(span.status, attributes) if span.HasField("status") else "unset"
    service_name = cut_into(attributes, "service_name", origin.service_name or UNKNOWN_SERVICE)
    operation_name = cut_into(attributes, "operation_name", name)
    return ForeignSpan(
        hex_id(span.trace_id, TRACE_ID_BYTES, "trace_id"),
        hex_id(span.span_id, SPAN_ID_BYTES, "span_id"),
        optional_hex_id(span.parent_span_id, SPAN_ID_BYTES, "parent_span_id"),
        service_name,
        operation_name,
        start_time,
        (end_nanos - start_nanos) / 1e6,
        _KINDS.get(span.kind, "internal"),
        status,
        *conventions.http_columns(attributes),
        conventions.user_id(attributes),
        merged_json(origin, attributes),
        list_text(_events(seldom, reader)) if seldom else EMPTY_LIST,
        list_text(_links(seldom, reader)) if seldom else EMPTY_LIST,
    )


def _status(status: Message, tags: Attributes) -> Status:
    if status.message:
        tags["otel.status_description"] = status.message
    return _STATUSES.get(status.code, "unset")


def _add_seldom(tags: Attributes, span: Message) -> None:
    """What a span has beside its attributes and no column holds."""
    if span.trace_state:
        tags["w3c.tracestate"] = span.trace_state
    if dropped := span.dropped_attributes_count:
        tags["otel.dropped_attributes_count"] = dropped
    if dropped := span.dropped_events_count:
        tags["otel.dropped_events_count"] = dropped
    if dropped := span.dropped_links_count:
        tags["otel.dropped_links_count"] = dropped


def _events(span: Message, reader: AttributeReader) -> list[dict[str, Any]]:
    return [
        {
            "name": event.name,
            "timestamp": moment_text(event.time_unix_nano),
            "attributes": reader.read(event.attributes),
        }
        for event in reader.parts(SpanEvent, span.events, "events")
    ]


def _links(span: Message, reader: AttributeReader) -> list[dict[str, Any]]:
    return [_link(link, reader) for link in reader.parts(SpanLink, span.links, "links")]


def _link(link: Message, reader: AttributeReader) -> dict[str, Any]:
    """An instrumentation may link to what was not sampled, without ids: its attributes are worth keeping."""
    attributes = reader.read(link.attributes)
    if link.trace_state:
        attributes["w3c.tracestate"] = link.trace_state
    return {
        "trace_id": optional_hex_id(link.trace_id, TRACE_ID_BYTES, "links"),
        "span_id": optional_hex_id(link.span_id, SPAN_ID_BYTES, "links"),
        "attributes": attributes,
    }
