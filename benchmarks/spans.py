"""Spans as an OpenTelemetry SDK in a web shop would send them, and the rows they become."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from benchmarks.load import request_bytes
from benchmarks.otlp import PROTOBUF, RESOURCE, SCOPE, attribute
from benchmarks.traffic import BATCH_SIZE, Traffic
from ingest.protocols.base import Head
from ingest.protocols.otlp.wire import TRACES
from storage.records import Bounds, Row
from traces.records import SPANS, prepare

PATH = "/v1/traces"
SPANS_OF_TRACE = 8
_SPACING_NANOS = 50_000
_ROUTES = ("/products/{id}", "/cart", "/checkout", "/search", "/account")


def span_requests(seed: int, batch_count: int, batch_size: int) -> list[bytes]:
    """Requests of so many spans each."""
    bodies = _bodies(seed, batch_count, batch_size)
    return [request_bytes(PATH, body, PROTOBUF) for body in bodies]


def span_rows(seed: int, count: int, project_id: int) -> list[Row]:
    """The tuples that the platform would store for these spans, ready for COPY."""
    now = datetime.now(UTC)
    bounds = Bounds(project_id, now, now - timedelta(days=30), now + timedelta(hours=1))
    rows: list[Row] = []
    for body in _bodies(seed, count // BATCH_SIZE, BATCH_SIZE):
        (part,) = TRACES.decode(body, Head(PROTOBUF)).parts
        write, errors = prepare(part.records, bounds)
        assert not errors
        rows += write.rows
    return rows


def _bodies(seed: int, batch_count: int, batch_size: int) -> list[bytes]:
    source, begins_at = random.Random(seed), time.time_ns()
    return [
        _request(source, batch_size, begins_at + number * batch_size * _SPACING_NANOS)
        for number in range(batch_count)
    ]


def _request(source: random.Random, count: int, begins_at: int) -> bytes:
    request = ExportTraceServiceRequest()
    resource = request.resource_spans.add(resource=RESOURCE)
    scope = resource.scope_spans.add(scope=SCOPE)
    trace_id = b""
    for number in range(count):
        if number % SPANS_OF_TRACE == 0:
            trace_id = source.randbytes(16)
        scope.spans.append(_span(source, trace_id, begins_at + number * _SPACING_NANOS))
    return request.SerializeToString()


def _span(source: random.Random, trace_id: bytes, start: int) -> Span:
    route, product = source.choice(_ROUTES), source.randrange(5000)
    return Span(
        trace_id=trace_id,
        span_id=source.randbytes(8),
        parent_span_id=source.randbytes(8),
        name=f"GET {route}",
        kind=Span.SPAN_KIND_SERVER,
        start_time_unix_nano=start,
        end_time_unix_nano=start + int(source.expovariate(1 / 80e6)),
        attributes=[
            attribute("http.request.method", "GET"),
            attribute("http.route", route),
            attribute("url.full", f"https://shop.example.com/products/{product}?from=search"),
            attribute("http.response.status_code", source.choice((200, 200, 200, 404, 500))),
            attribute("server.address", "shop.example.com"),
            attribute("user.id", f"user-{source.randrange(100_000)}"),
            attribute("network.protocol.version", "1.1"),
            attribute("shop.cart_size", source.randrange(20)),
        ],
    )


TRAFFIC = Traffic(SPANS, span_requests, span_rows)
