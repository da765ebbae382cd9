"""The published OTLP messages, with all that repeats left as the bytes it came in.

On the wire a message inside another one is a field of bytes, so the published descriptors with those fields declared
as `bytes` read the same bodies. What that gives:

* Records are parsed one by one: a broken one is rejected alone, and 50 MB of empty spans cost 16 bytes each until
  they are counted, not 200.
* Attributes are keys of a cache before anything of them is parsed: those of a metric series come again with every
  request, and half of those of a span with every span.
"""

from __future__ import annotations

from collections.abc import Container
from types import ModuleType
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.metrics.v1 import metrics_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

Message = Any
"""An instance of a message class: the classes are made at run time, so their fields have no static types."""

MessageClass = Any

_FILES: tuple[ModuleType, ...] = (
    common_pb2,
    resource_pb2,
    trace_pb2,
    metrics_pb2,
    logs_pb2,
    trace_service_pb2,
    metrics_service_pb2,
    logs_service_pb2,
)
_AS_PUBLISHED = ("AnyValue", "ArrayValue", "KeyValueList", "KeyValue")
"""What an attribute is made of: parsed at once, when its bytes are seen for the first time."""

_SINGLE_FIELDS = ("resource", "scope", "body")
"""Fields that don't repeat and are left in bytes all the same."""

_TEXTS_IN_BYTES = {"Metric": ("name", "description", "unit")}
"""Texts read apart: one with wrong UTF-8 would take the count of the points beside it along."""

_SELDOM = (
    "trace_state",
    "dropped_attributes_count",
    "events",
    "dropped_events_count",
    "links",
    "dropped_links_count",
)
"""Fields of a span that most don't have: asking for each costs more than parsing the span again where there are any."""

SELDOM = "seldom"
"""The name under which all of them are asked for at once."""

FieldDescriptorProto = descriptor_pb2.FieldDescriptorProto


def _pool(seldom: Container[str] = ()) -> descriptor_pool.DescriptorPool:
    """All messages; of a span's fields those with these names are alternatives, so that only the last is kept."""
    pool = descriptor_pool.DescriptorPool()
    for module in _FILES:
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            if message.name not in _AS_PUBLISHED:
                _leave_in_bytes(message)
            if seldom and message.name == "Span":
                _make_alternatives(message, seldom)
        pool.Add(file)
    return pool


def _make_alternatives(message: descriptor_pb2.DescriptorProto, names: Container[str]) -> None:
    message.oneof_decl.add(name=SELDOM)
    for field in message.field:
        if field.name in names:
            field.oneof_index = 0
            field.label = FieldDescriptorProto.LABEL_OPTIONAL


def _leave_in_bytes(message: descriptor_pb2.DescriptorProto) -> None:
    for nested in message.nested_type:
        _leave_in_bytes(nested)
    for field in message.field:
        repeats = field.label == FieldDescriptorProto.LABEL_REPEATED or field.name in _SINGLE_FIELDS
        if field.type == FieldDescriptorProto.TYPE_MESSAGE and repeats:
            field.type = FieldDescriptorProto.TYPE_BYTES
            field.ClearField("type_name")
        elif field.name in _TEXTS_IN_BYTES.get(message.name, ()):
            field.type = FieldDescriptorProto.TYPE_BYTES


_POOL = _pool()


def _class(name: str, pool: descriptor_pool.DescriptorPool = _POOL) -> MessageClass:
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"opentelemetry.proto.{name}"))


AnyValue = _class("common.v1.AnyValue")
KeyValue = _class("common.v1.KeyValue")
Scope = _class("common.v1.InstrumentationScope")
Resource = _class("resource.v1.Resource")

TracesRequest = _class("collector.trace.v1.ExportTraceServiceRequest")
ResourceSpans = _class("trace.v1.ResourceSpans")
ScopeSpans = _class("trace.v1.ScopeSpans")
Span = _class("trace.v1.Span")
CommonSpan = _class("trace.v1.Span", _pool(_SELDOM))
"""What every span has; `WhichOneof(SELDOM)` says whether there is anything else, and never which of it all."""
SpanEvent = _class("trace.v1.Span.Event")
SpanLink = _class("trace.v1.Span.Link")

MetricsRequest = _class("collector.metrics.v1.ExportMetricsServiceRequest")
ResourceMetrics = _class("metrics.v1.ResourceMetrics")
ScopeMetrics = _class("metrics.v1.ScopeMetrics")
Metric = _class("metrics.v1.Metric")
NumberDataPoint = _class("metrics.v1.NumberDataPoint")
HistogramDataPoint = _class("metrics.v1.HistogramDataPoint")
ExponentialHistogramDataPoint = _class("metrics.v1.ExponentialHistogramDataPoint")
SummaryDataPoint = _class("metrics.v1.SummaryDataPoint")
ValueAtQuantile = _class("metrics.v1.SummaryDataPoint.ValueAtQuantile")
Exemplar = _class("metrics.v1.Exemplar")

LogsRequest = _class("collector.logs.v1.ExportLogsServiceRequest")
ResourceLogs = _class("logs.v1.ResourceLogs")
ScopeLogs = _class("logs.v1.ScopeLogs")
LogRecord = _class("logs.v1.LogRecord")
