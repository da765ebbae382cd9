"""OTLP requests as OpenTelemetry's clients make them, from the published message classes."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from tests.clients import ProjectClient

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
TRACES, METRICS, LOGS = "/v1/traces", "/v1/metrics", "/v1/logs"
SECOND = 1_000_000_000

RESOURCE = {
    "service.name": "checkout",
    "host.name": "web-1",
    "service.instance.id": "7",
    "cloud.region": "eu",
}
SCOPE = InstrumentationScope(name="shop.http", version="2.1")


def now_nanos() -> int:
    """A whole microsecond: PostgreSQL keeps no more."""
    return time.time_ns() // 1000 * 1000


def value_of(value: Any) -> AnyValue:
    made = AnyValue()
    match value:
        case bool():
            made.bool_value = value
        case int():
            made.int_value = value
        case float():
            made.double_value = value
        case str():
            made.string_value = value
        case bytes():
            made.bytes_value = value
        case list():
            made.array_value.SetInParent()
            made.array_value.values.extend(value_of(item) for item in value)
        case dict():
            made.kvlist_value.SetInParent()
            made.kvlist_value.values.extend(attributes(value))
    return made


def attributes(values: Mapping[str, Any]) -> list[KeyValue]:
    return [KeyValue(key=name, value=value_of(value)) for name, value in values.items()]


def span(**fields: Any) -> Span:
    """One that is whole; `fields` replace what is given here, `attributes` are a mapping."""
    now = now_nanos()
    given: dict[str, Any] = {
        "trace_id": os.urandom(16),
        "span_id": os.urandom(8),
        "name": "GET /cart",
        "start_time_unix_nano": now - SECOND,
        "end_time_unix_nano": now,
        **fields,
    }
    given["attributes"] = attributes(given.get("attributes", {}))
    return Span(**given)


def traces(*spans: Span, resource: Mapping[str, Any] = RESOURCE) -> ExportTraceServiceRequest:
    scopes = [ScopeSpans(scope=SCOPE, spans=spans)]
    return ExportTraceServiceRequest(
        resource_spans=[ResourceSpans(resource=Resource(attributes=attributes(resource)), scope_spans=scopes)]
    )


def metrics(*found: Metric, resource: Mapping[str, Any] = RESOURCE) -> ExportMetricsServiceRequest:
    scopes = [ScopeMetrics(scope=SCOPE, metrics=found)]
    return ExportMetricsServiceRequest(
        resource_metrics=[
            ResourceMetrics(resource=Resource(attributes=attributes(resource)), scope_metrics=scopes)
        ]
    )


def gauge(name: str, *points: tuple[float, int], **labels: str) -> Metric:
    """`points` are (value, nanoseconds)."""
    metric = Metric(name=name, unit="1")
    metric.gauge.SetInParent()
    for value, nanos in points:
        metric.gauge.data_points.add(as_double=value, time_unix_nano=nanos, attributes=attributes(labels))
    return metric


def log(**fields: Any) -> LogRecord:
    """`body` and `attributes` are plain values."""
    given: dict[str, Any] = {"time_unix_nano": now_nanos(), "severity_number": 9, "body": "hello", **fields}
    given["body"] = value_of(given["body"])
    given["attributes"] = attributes(given.get("attributes", {}))
    return LogRecord(**given)


def logs(*records: LogRecord, resource: Mapping[str, Any] = RESOURCE) -> ExportLogsServiceRequest:
    scopes = [ScopeLogs(scope=SCOPE, log_records=records)]
    return ExportLogsServiceRequest(
        resource_logs=[ResourceLogs(resource=Resource(attributes=attributes(resource)), scope_logs=scopes)]
    )


def as_json(request: Message) -> dict[str, Any]:
    """As OTLP writes JSON: lowerCamelCase, enums as integers, ids in hexadecimal."""
    return dict(_hex_ids(MessageToDict(request, use_integers_for_enums=True), _ids_of(request)))


def _ids_of(request: Message) -> dict[str, str]:
    """base64 as protobuf writes ids -> hexadecimal as OTLP does."""
    found: dict[str, str] = {}

    def walk(message: Message) -> None:
        for field, value in message.ListFields():
            values = value if field.is_repeated else [value]
            for item in values:
                if isinstance(item, Message):
                    walk(item)
                elif isinstance(item, bytes) and field.name.endswith("_id"):
                    found[base64.b64encode(item).decode()] = item.hex()

    walk(request)
    return found


def _hex_ids(value: Any, ids: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            name: ids[item] if name.endswith("Id") and isinstance(item, str) else _hex_ids(item, ids)
            for name, item in value.items()
        }
    return [_hex_ids(item, ids) for item in value] if isinstance(value, list) else value


def send(
    api: ProjectClient, path: str, request: Message, content_type: str = PROTOBUF, **headers: str
) -> Any:
    """The raw response to a message in this encoding."""
    body = request.SerializeToString() if content_type == PROTOBUF else json.dumps(as_json(request)).encode()
    return send_raw(api, path, body, content_type, **headers)


def send_raw(
    api: ProjectClient,
    path: str,
    body: bytes,
    content_type: str = PROTOBUF,
    method: str = "POST",
    **headers: str,
) -> Any:
    return api.send(method, path, body, CONTENT_TYPE=content_type, **headers)


def stored(api: ProjectClient, path: str, *requests: Message) -> None:
    """Send; each must be taken whole."""
    for request in requests:
        answer = send(api, path, request)
        assert (answer.status_code, answer.content) == (200, b""), answer.content


def status_of(answer: Any) -> Status:
    """The google.rpc.Status of a refusal in either encoding."""
    if answer["Content-Type"] == JSON:
        body = answer.json()
        return Status(code=body.get("code", 0), message=body["message"])
    assert answer["Content-Type"] == PROTOBUF
    return Status.FromString(answer.content)


def ids(spans: Sequence[Span]) -> set[str]:
    return {one.span_id.hex() for one in spans}
