"""What the benchmarks' OTLP requests share."""

from __future__ import annotations

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

PROTOBUF = "application/x-protobuf"


def attribute(name: str, value: str | int) -> KeyValue:
    """A text or a whole number."""
    held = AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value)
    return KeyValue(key=name, value=held)


SCOPE = InstrumentationScope(name="opentelemetry.instrumentation.wsgi", version="0.48b0")
RESOURCE = Resource(
    attributes=[
        attribute("service.name", "shop"),
        attribute("service.instance.id", "shop-7f9c-1"),
        attribute("service.version", "4.2.1"),
        attribute("host.name", "web-1"),
        attribute("deployment.environment.name", "production"),
        attribute("telemetry.sdk.language", "python"),
    ]
)
