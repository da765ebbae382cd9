"""OTLP/HTTP as wire formats, one a signal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from ingest.protocols.base import Batch, Decoded, Head, Refusal
from ingest.protocols.otlp import envelopes
from ingest.protocols.otlp.answers import JSON, PROTOBUF, reasons, refused, success
from ingest.protocols.otlp.envelopes import Contents, Envelope, opened
from ingest.protocols.otlp.json_mapping import to_protobuf
from ingest.protocols.otlp.logs import decode_logs
from ingest.protocols.otlp.points import decode_metrics
from ingest.protocols.otlp.spans import decode_spans
from storage.records import Answer, Outcome


@dataclass(frozen=True, slots=True)
class _Note:
    """What the answer must know of the request. Records from `record_count` on are none that OTLP counts."""

    as_json: bool
    record_count: int


@dataclass(frozen=True, slots=True)
class OtlpFormat:
    """One signal's requests and answers."""

    envelope: Envelope
    request: type[Message]
    response: type[Message]
    rejected_field: str
    noun: str
    decode_records: Callable[[Sequence[Contents]], list[Decoded[Any]]]

    name = "otlp"
    media_types = (PROTOBUF, JSON)
    encodings = frozenset({"gzip"})

    def takes(self, head: Head) -> bool:
        """Parameters such as a charset say nothing here."""
        return head.media_type in self.media_types

    def decode(self, body: bytes, head: Head) -> Batch:
        """Raises FormatError where the body or an envelope in it can't be read, TooManyRecords past 10,000 records.

        An empty body is a message without records, in JSON as well.
        """
        as_json = head.media_type == JSON
        if as_json and body:
            body = to_protobuf(body, self.request)
        parts = self.decode_records(opened(body, self.envelope))
        return Batch(parts, _Note(as_json, len(parts[0].records) + len(parts[0].errors)))

    def answer(self, batch: Batch, outcome: Outcome) -> Answer:
        """200, always: temporary failures never come here, and clients must not send a partial success again."""
        note: _Note = batch.note
        errors = sorted(outcome.errors, key=lambda error: error.index)
        rejected = sum(error.index < note.record_count for error in errors)
        message = reasons(errors, rejected, note.record_count, self.noun)
        return success(self.response(), self.rejected_field, rejected, message, as_json=note.as_json)

    def refuse(self, refusal: Refusal, head: Head) -> Answer:
        """A Status in the request's encoding; in JSON where that is unknown."""
        return refused(refusal, as_json=head.media_type != PROTOBUF)


TRACES = OtlpFormat(
    envelopes.TRACES,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
    "rejected_spans",
    "spans",
    decode_spans,
)
METRICS = OtlpFormat(
    envelopes.METRICS,
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
    "rejected_data_points",
    "data points",
    decode_metrics,
)
LOGS = OtlpFormat(
    envelopes.LOGS,
    ExportLogsServiceRequest,
    ExportLogsServiceResponse,
    "rejected_log_records",
    "log records",
    decode_logs,
)
