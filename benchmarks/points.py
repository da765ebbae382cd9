"""Points of 1,000 series as an OpenTelemetry SDK would send them, and the rows they become."""

from __future__ import annotations

import random
import time
from datetime import UTC, datetime, timedelta

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AGGREGATION_TEMPORALITY_CUMULATIVE, NumberDataPoint

from benchmarks.load import request_bytes
from benchmarks.otlp import PROTOBUF, RESOURCE, SCOPE, attribute
from benchmarks.traffic import BATCH_SIZE, Traffic
from ingest.protocols.base import Head
from ingest.protocols.otlp.wire import METRICS
from metrics.records import POINTS, prepare
from storage.records import Bounds, Row

PATH = "/v1/metrics"
METRIC_COUNT = 10
_SPACING_NANOS = 10_000_000
_STATUSES = (200, 201, 400, 404, 500)


def point_requests(seed: int, batch_count: int, batch_size: int) -> list[bytes]:
    """Requests of one point for each of `batch_size` series."""
    return [request_bytes(PATH, body, PROTOBUF) for body in _bodies(seed, batch_count, batch_size)]


def point_rows(seed: int, count: int, project_id: int) -> list[Row]:
    """The tuples that the platform would store for these points, ready for COPY, each batch in the key's order."""
    now = datetime.now(UTC)
    bounds = Bounds(project_id, now, now - timedelta(days=30), now + timedelta(hours=1))
    rows: list[Row] = []
    for body in _bodies(seed, count // BATCH_SIZE, BATCH_SIZE):
        points, *_ = METRICS.decode(body, Head(PROTOBUF)).parts
        write, errors = prepare(points.records, bounds)
        assert not errors
        rows += sorted(write.rows, key=lambda row: [row[place] for place in POINTS.key_positions])
    return rows


def _bodies(seed: int, batch_count: int, batch_size: int) -> list[bytes]:
    source, begins_at = random.Random(seed), time.time_ns()
    return [
        _request(source, batch_size, begins_at, begins_at + number * _SPACING_NANOS)
        for number in range(1, batch_count + 1)
    ]


def _request(source: random.Random, series_count: int, began_at: int, now: int) -> bytes:
    """Half of the metrics are cumulative sums, half are gauges."""
    request = ExportMetricsServiceRequest()
    resource = request.resource_metrics.add(resource=RESOURCE)
    scope = resource.scope_metrics.add(scope=SCOPE)
    for number in range(METRIC_COUNT):
        metric = scope.metrics.add(
            name=f"shop.metric_{number}", unit="1", description="What the shop counts."
        )
        if number % 2:
            metric.sum.is_monotonic = True
            metric.sum.aggregation_temporality = AGGREGATION_TEMPORALITY_CUMULATIVE
        points = (metric.sum if number % 2 else metric.gauge).data_points
        points.extend(_point(source, place, began_at, now) for place in range(series_count // METRIC_COUNT))
    return request.SerializeToString()


def _point(source: random.Random, place: int, began_at: int, now: int) -> NumberDataPoint:
    return NumberDataPoint(
        as_double=source.uniform(0, 1e6),
        start_time_unix_nano=began_at,
        time_unix_nano=now,
        attributes=[
            attribute("http.request.method", "GET" if place % 2 else "POST"),
            attribute("http.route", f"/products/{place}"),
            attribute("http.response.status_code", _STATUSES[place % len(_STATUSES)]),
            attribute("network.protocol.version", "1.1"),
        ],
    )


TRAFFIC = Traffic(POINTS, point_requests, point_rows)
