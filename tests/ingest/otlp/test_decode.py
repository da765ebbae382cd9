"""OTLP's decoders alone: any bytes become records and errors, or are refused in words, in bounded time and memory."""

from __future__ import annotations

import json
import subprocess
import sys
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AGGREGATION_TEMPORALITY_DELTA,
    ExponentialHistogramDataPoint,
    Gauge,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
    SummaryDataPoint,
)
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from ingest.protocols.base import Batch, FormatError, Head, TooManyRecords
from ingest.protocols.otlp import messages as in_bytes
from ingest.protocols.otlp.labels import LabelCache, SeriesLabels
from ingest.protocols.otlp.origins import Origin
from ingest.protocols.otlp.values import AttributeReader
from ingest.protocols.otlp.wire import LOGS, METRICS, TRACES, OtlpFormat
from tests.ingest.otlp.messages import (
    JSON,
    PROTOBUF,
    as_json,
    gauge,
    log,
    logs,
    metrics,
    span,
    traces,
)

FORMATS = st.sampled_from([TRACES, METRICS, LOGS])
DESCRIBED: tuple[Any, ...] = (
    ExportTraceServiceRequest,
    ExportMetricsServiceRequest,
    ExportLogsServiceRequest,
    *(ResourceSpans, ScopeSpans, Span, ResourceMetrics, ScopeMetrics, ResourceLogs, ScopeLogs, LogRecord),
    *(
        Metric,
        Gauge,
        Sum,
        NumberDataPoint,
        HistogramDataPoint,
        ExponentialHistogramDataPoint,
        SummaryDataPoint,
    ),
    *(Resource, KeyValue, AnyValue, ArrayValue, KeyValueList),
)
"""Messages whose fields' names JSON is made of."""


def example_metrics() -> list[Metric]:
    number, histogram, exponential, summary = (
        gauge("g", (1, 5)),
        Metric(name="h"),
        Metric(name="e"),
        Metric(name="s"),
    )
    number.gauge.data_points[0].exemplars.add(as_int=1, time_unix_nano=5)
    histogram.histogram.data_points.add(count=3, bucket_counts=[1, 2], explicit_bounds=[1], time_unix_nano=5)
    exponential.exponential_histogram.data_points.add(count=1, scale=2, time_unix_nano=5)
    summary.summary.data_points.add(count=1, time_unix_nano=5).quantile_values.add(quantile=0.5, value=1)
    return [number, histogram, exponential, summary]


EXAMPLES = {
    TRACES.noun: traces(span(attributes={"k": ["a", {"b": 1}]}), span()),
    METRICS.noun: metrics(*example_metrics()),
    LOGS.noun: logs(log(body={"k": [b"x", 1.5]}), log()),
}


def decoded(wire: OtlpFormat, body: bytes, content_type: str) -> Batch | None:
    """None where the body is refused."""
    try:
        return wire.decode(body, Head(content_type))
    except (FormatError, TooManyRecords):
        return None


def is_complete(batch: Batch) -> bool:
    """Each place of the body is named once, over all parts."""
    found = places(batch)
    return found == list(range(len(found)))


def places(batch: Batch) -> list[int]:
    return sorted(
        [index for part in batch.parts for index, _ in part.records]
        + [error.index for part in batch.parts for error in part.errors]
    )


@given(FORMATS, st.binary(), st.sampled_from([PROTOBUF, JSON]))
def test_any_bytes_are_decoded_or_refused(wire: OtlpFormat, body: bytes, content_type: str) -> None:
    batch = decoded(wire, body, content_type)
    assert batch is None or is_complete(batch)


@settings(max_examples=100)
@given(FORMATS, st.data())
def test_broken_messages_are_decoded_or_refused(wire: OtlpFormat, data: st.DataObject) -> None:
    """A good message with some bytes changed, taken out or put in."""
    body = bytearray(EXAMPLES[wire.noun].SerializeToString())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(body)))
        body[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    batch = decoded(wire, bytes(body), PROTOBUF)
    assert batch is None or is_complete(batch)


NAMES = st.sampled_from(
    [field.json_name for message in DESCRIBED for field in message.DESCRIPTOR.fields]
    + ["unknown", "trace_id"]
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
BODIES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=30,
)


@given(FORMATS, BODIES)
def test_any_json_is_decoded_or_refused(wire: OtlpFormat, body: Any) -> None:
    batch = decoded(wire, json.dumps(body).encode(), JSON)
    assert batch is None or is_complete(batch)


@given(FORMATS, st.data())
def test_json_with_one_member_replaced_is_decoded_or_refused(wire: OtlpFormat, data: st.DataObject) -> None:
    body = as_json(EXAMPLES[wire.noun])
    holders: list[Any] = []

    def walk(value: Any) -> None:
        if isinstance(value, (dict, list)) and value:
            holders.append(value)
            for item in value.values() if isinstance(value, dict) else value:
                walk(item)

    walk(body)
    holder = data.draw(st.sampled_from(holders))
    place = data.draw(st.sampled_from(sorted(holder) if isinstance(holder, dict) else range(len(holder))))
    holder[place] = data.draw(BODIES)
    batch = decoded(wire, json.dumps(body).encode(), JSON)
    assert batch is None or is_complete(batch)


@pytest.mark.parametrize("wire", [TRACES, METRICS, LOGS], ids=lambda wire: wire.noun)
def test_both_encodings_mean_the_same(wire: OtlpFormat) -> None:
    request = EXAMPLES[wire.noun]
    from_protobuf = wire.decode(request.SerializeToString(), Head(PROTOBUF))
    from_json = wire.decode(json.dumps(as_json(request)).encode(), Head(JSON))
    assert from_protobuf.parts == from_json.parts


def nested(tag: bytes, levels: int, inside: bytes = b"") -> bytes:
    """Fields of bytes inside each other."""
    body = inside
    for _ in range(levels):
        length, prefix = len(body), b""
        while length > 127:
            prefix += bytes([length & 127 | 128])
            length >>= 7
        body = tag + prefix + bytes([length]) + body
    return body


BOMB_BYTES = 5_000_000
"""50 MB, which is the limit, would take too long here."""


def in_a_span(tag: bytes) -> bytes:
    """A span with nothing but empty fields of this tag."""
    return nested(b"\x0a", 1, nested(b"\x12", 1, nested(b"\x12", 1, (tag + b"\x00") * (BOMB_BYTES // 2))))


def many_buckets() -> bytes:
    metric = Metric(name="e")
    metric.exponential_histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_DELTA
    for number in range(2_000):
        point = metric.exponential_histogram.data_points.add(count=1, time_unix_nano=5 + number, scale=0)
        point.positive.offset = -1000
        point.positive.bucket_counts.extend([16] * 1_900)
    return metrics(metric).SerializeToString()


BOMBS: dict[str, tuple[OtlpFormat, Callable[[], bytes], str]] = {
    "resources": (TRACES, lambda: b"\x0a\x00" * (BOMB_BYTES // 2), PROTOBUF),
    "spans": (
        TRACES,
        lambda: nested(b"\x0a", 1, nested(b"\x12", 1, b"\x12\x00" * (BOMB_BYTES // 2))),
        PROTOBUF,
    ),
    "events of a span": (TRACES, lambda: in_a_span(b"\x5a"), PROTOBUF),
    "attributes of a span": (TRACES, lambda: in_a_span(b"\x4a"), PROTOBUF),
    "buckets": (METRICS, many_buckets, PROTOBUF),
    "levels": (LOGS, lambda: nested(b"\x0a", 100_000), PROTOBUF),
    "varint": (LOGS, lambda: b"\x0a" + b"\xff" * BOMB_BYTES, PROTOBUF),
    "levels of JSON": (LOGS, lambda: b'{"resourceLogs":' + b"[" * BOMB_BYTES, JSON),
    "objects of JSON": (LOGS, lambda: b'{"resourceLogs":[' + b"{}," * (BOMB_BYTES // 3) + b"{}]}", JSON),
}


@pytest.mark.parametrize("name", BOMBS)
def test_what_is_small_on_the_wire_stays_bounded(name: str) -> None:
    wire, make, content_type = BOMBS[name]
    body = make()
    started = time.process_time()
    tracemalloc.start()
    decoded(wire, body, content_type)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 600_000_000
    assert time.process_time() - started < 30  # tracing itself takes most of it


BIG = {"k": "x" * 1_000_000}
WIDE = {f"k{number}": "" for number in range(50_000)}


def many_scopes(count: int) -> ExportMetricsServiceRequest:
    """Below one large resource."""
    request = metrics(resource=BIG)
    for number in range(count):
        scope = request.resource_metrics[0].scope_metrics.add(metrics=[gauge("g", (1, 5))])
        scope.scope.name = str(number)
    return request


SHARED: dict[str, tuple[OtlpFormat, Callable[[], Any]]] = {
    "spans": (TRACES, lambda: traces(*(span() for _ in range(100)), resource=BIG)),
    "spans with many attributes": (TRACES, lambda: traces(*(span() for _ in range(100)), resource=WIDE)),
    "logs": (LOGS, lambda: logs(*(log() for _ in range(100)), resource=BIG)),
    "points": (METRICS, lambda: metrics(gauge("g", *((1, place) for place in range(1, 101))), resource=BIG)),
    "metrics": (METRICS, lambda: metrics(*(gauge("g", (1, 5)) for _ in range(100)), resource=BIG)),
    "scopes": (METRICS, lambda: many_scopes(100)),
}


@pytest.mark.parametrize("name", SHARED)
def test_what_records_share_is_counted_for_each(name: str) -> None:
    wire, make = SHARED[name]
    body = make().SerializeToString()
    started = time.process_time()
    with pytest.raises(TooManyRecords):
        wire.decode(body, Head(PROTOBUF))
    assert time.process_time() - started < 2


def test_ten_thousand_spans_with_a_resource_of_four_kilobytes_pass() -> None:
    request = traces(*[span()] * 10_000, resource={f"k8s.{number}": "x" * 90 for number in range(40)})
    assert len(TRACES.decode(request.SerializeToString(), Head(PROTOBUF)).parts[0].records) == 10_000


def explicit(point_count: int, bounds: list[float], count: int) -> bytes:
    """Histograms with this count in each bucket."""
    metric = Metric(name="h")
    metric.histogram.aggregation_temporality = AGGREGATION_TEMPORALITY_DELTA
    counts = [count] * (len(bounds) + 1)
    for place in range(1, point_count + 1):
        metric.histogram.data_points.add(
            count=sum(counts), time_unix_nano=place, explicit_bounds=bounds, bucket_counts=counts
        )
    return metrics(metric).SerializeToString()


def test_two_thousand_points_of_two_thousand_buckets_are_refused() -> None:
    body = explicit(2_000, [1.07**power for power in range(-1000, 1000)], 16)
    started = time.process_time()
    with pytest.raises(TooManyRecords):
        METRICS.decode(body, Head(PROTOBUF))
    assert time.process_time() - started < 3


def test_ten_thousand_histograms_with_default_bounds_pass() -> None:
    bounds = [0.0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000]
    batch = METRICS.decode(explicit(10_000, bounds, 16), Head(PROTOBUF))
    assert len(batch.parts[0].records) == 10_000


def test_a_point_has_few_log_buckets_however_many_buckets_it_has() -> None:
    body = explicit(1, [1.07**power for power in range(-1000, 1000)], 16)
    (_, record), *_ = METRICS.decode(body, Head(PROTOBUF)).parts[0].records
    assert record.distribution is not None
    assert len(record.distribution.buckets) <= 4_001
    assert sum(record.distribution.buckets.values()) == record.distribution.count


def test_ten_thousand_spans_are_the_limit() -> None:
    raw = span().SerializeToString()

    def request(count: int) -> bytes:
        scope = in_bytes.ScopeSpans(spans=[raw] * count).SerializeToString()
        return nested(b"\x0a", 1, nested(b"\x12", 1, scope))

    assert len(TRACES.decode(request(10_000), Head(PROTOBUF)).parts[0].records) == 10_000
    with pytest.raises(TooManyRecords):
        TRACES.decode(request(10_001), Head(PROTOBUF))


def test_remembered_labels_stay_bounded() -> None:
    cache = LabelCache(max_bytes=1_000)
    reader = AttributeReader()
    for number in range(200):
        origin = Origin(b"r%d" % (number % 3), b"", {}, "", "", {})
        raw = span(attributes={"k": str(number)}).attributes[0].SerializeToString()
        labels = SeriesLabels(origin, reader, cache)
        assert labels.read([raw]) == labels.read([raw]) == (("k", str(number)),)
        kept = sum(len(part) for known in cache._known.values() for key in known for part in key)
        assert kept <= 1_000


def test_the_decoders_need_no_django() -> None:
    code = "import sys, ingest.protocols.otlp.wire; print(any(m.startswith('django') for m in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.strip() == "False"
