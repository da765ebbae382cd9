"""The envelopes around records: a request holds resources, a resource scopes, a scope records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from google.protobuf.message import DecodeError

from ingest.protocols.base import MAX_RECORDS, FormatError, TooManyRecords
from ingest.protocols.otlp import messages
from ingest.protocols.otlp.messages import Message, MessageClass


@dataclass(frozen=True, slots=True)
class Envelope:
    """The messages of one signal, outermost first, and the field of each that holds the next ones."""

    request: MessageClass
    resources: str
    resource: MessageClass
    scopes: str
    scope: MessageClass
    records: str


TRACES = Envelope(
    messages.TracesRequest,
    "resource_spans",
    messages.ResourceSpans,
    "scope_spans",
    messages.ScopeSpans,
    "spans",
)
METRICS = Envelope(
    messages.MetricsRequest,
    "resource_metrics",
    messages.ResourceMetrics,
    "scope_metrics",
    messages.ScopeMetrics,
    "metrics",
)
LOGS = Envelope(
    messages.LogsRequest,
    "resource_logs",
    messages.ResourceLogs,
    "scope_logs",
    messages.ScopeLogs,
    "log_records",
)


@dataclass(frozen=True, slots=True)
class Contents:
    """The records of one scope; all in bytes."""

    resource: bytes
    scope: bytes
    records: Sequence[bytes]


def opened(body: bytes, envelope: Envelope) -> list[Contents]:
    """What a body holds; empty envelopes are left out.

    Raises FormatError where an envelope can't be read, TooManyRecords past 10,000 envelopes or records.
    """
    found: list[Contents] = []
    record_count = 0
    for position, (resource, scope) in enumerate(_scopes(body, envelope)):
        records: Sequence[bytes] = getattr(scope, envelope.records)
        record_count += len(records)
        if record_count > MAX_RECORDS or position >= MAX_RECORDS:
            raise TooManyRecords
        if records:
            found.append(Contents(resource, scope.scope, records))
    return found


def _scopes(body: bytes, envelope: Envelope) -> Iterator[tuple[bytes, Message]]:
    request = _parsed(envelope.request, body)
    for resource_bytes in _bounded(getattr(request, envelope.resources)):
        resource = _parsed(envelope.resource, resource_bytes)
        # Each look at the field is a copy of it.
        content: bytes = resource.resource
        for scope_bytes in _bounded(getattr(resource, envelope.scopes)):
            yield content, _parsed(envelope.scope, scope_bytes)


def _bounded(parts: Sequence[bytes]) -> Sequence[bytes]:
    if len(parts) > MAX_RECORDS:
        raise TooManyRecords
    return parts


def _parsed(message_class: MessageClass, raw: bytes) -> Message:
    try:
        return message_class.FromString(raw)
    except DecodeError:
        name = message_class.DESCRIPTOR.name
        raise FormatError(f"The body is not a valid protobuf message: {name} can't be read.", name) from None
