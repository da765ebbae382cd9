"""OpenTelemetry's own SDKs against the running platform: what they sent is read back through the API."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from tests.acceptance.conftest import KEY, World
from tests.platform.running import operator_environ

JS_CLIENT = Path(__file__).parent / "otlp_client"
INSTALL_SECONDS = 120
RESOURCE = Resource.create({"service.name": "py-shop", "host.name": "web-1", "service.instance.id": "py-1"})

pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.parametrize("world", ["embedded"], indirect=True),
]


@contextmanager
def shut_down(provider: Any) -> Iterator[Any]:
    """Sends all that is left at the end."""
    try:
        yield provider
    finally:
        provider.shutdown()


def options(world: World, signal: str) -> dict[str, Any]:
    """Of an exporter; the path is what it would add to OTEL_EXPORTER_OTLP_ENDPOINT."""
    return {
        "endpoint": f"{world.platform.url}/v1/{signal}",
        "headers": {"Authorization": f"Bearer {KEY}"},
        "compression": Compression.Gzip,
    }


def results(world: World, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.get(f"/api/v1/{path}")["results"]
    return found


def test_a_trace_of_the_python_sdk_is_read_back(world: World) -> None:
    began_ns = time.time_ns()
    with shut_down(TracerProvider(resource=RESOURCE)) as provider:
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**options(world, "traces"))))
        tracer = provider.get_tracer("shop.http", "2.1")
        with tracer.start_as_current_span("older") as older:
            pass
        with (
            tracer.start_as_current_span(
                "GET /cart",
                kind=SpanKind.SERVER,
                attributes={
                    "http.request.method": "GET",
                    "http.response.status_code": 500,
                    "skus": ["a", "b"],
                },
                links=[Link(older.get_span_context(), {"why": "retry"})],
            ) as root,
            tracer.start_as_current_span("charge") as child,
        ):
            child.add_event("declined", {"card": "visa"})
            child.set_status(Status(StatusCode.ERROR, "card declined"))
    context = root.get_span_context()
    tree = world.get(f"/api/v1/traces/{context.trace_id:032x}/")
    (stored,) = tree["roots"]
    assert (stored["operation_name"], stored["service_name"], stored["kind"]) == (
        "GET /cart",
        "py-shop",
        "server",
    )
    assert (stored["http_method"], stored["http_status_code"]) == ("GET", 500)
    assert stored["duration_ms"] == pytest.approx((root.end_time - root.start_time) / 1e6)
    assert stored["tags"]["skus"] == ["a", "b"]
    assert stored["tags"]["otel.scope.name"] == "shop.http"
    assert stored["links"] == [
        {
            "trace_id": f"{older.get_span_context().trace_id:032x}",
            "span_id": f"{older.get_span_context().span_id:016x}",
            "attributes": {"why": "retry"},
        }
    ]
    (inner,) = stored["children"]
    assert (inner["status"], inner["tags"]["otel.status_description"]) == ("error", "card declined")
    assert [(event["name"], event["attributes"]) for event in inner["events"]] == [
        ("declined", {"card": "visa"})
    ]
    assert began_ns < child.end_time


def test_metrics_of_the_python_sdk_are_read_back(world: World) -> None:
    reader = PeriodicExportingMetricReader(OTLPMetricExporter(**options(world, "metrics")))
    with (
        shut_down(MeterProvider([reader], resource=RESOURCE)) as provider,
        shut_down(TracerProvider(resource=RESOURCE)) as tracers,
    ):
        meter = provider.get_meter("shop")
        with tracers.get_tracer("shop").start_as_current_span("GET /cart") as span:
            meter.create_counter("py.orders", "{order}", "Orders placed.").add(5, {"country": "de"})
            meter.create_up_down_counter("py.queue").add(-3)
            meter.create_gauge("py.temperature").set(21.5)
            histogram = meter.create_histogram("py.duration", "ms")
            for value in (3, 12, 480):
                histogram.record(value)
    rows = {row["metric_name"]: row for row in results(world, "metrics/?service_name=py-shop")}
    counter = rows["py.orders"]
    assert (counter["metric_type"], counter["metric_value"], counter["metric_unit"]) == (
        "counter",
        5,
        "{order}",
    )
    assert (counter["temporality"], counter["tags"]["country"]) == ("cumulative", "de")
    assert (rows["py.queue"]["metric_type"], rows["py.queue"]["metric_value"]) == ("gauge", -3)
    assert rows["py.temperature"]["metric_value"] == 21.5
    distribution = rows["py.duration"]
    assert (distribution["count"], distribution["sum"]) == (3, 495)
    assert (distribution["min"], distribution["max"]) == (3, 480)
    assert sum(distribution["histogram"]["counts"]) == 3
    exemplars = results(world, f"metrics/exemplars/?trace_id={span.get_span_context().trace_id:032x}")
    assert {row["metric_name"] for row in exemplars} >= {"py.orders", "py.duration"}
    (series,) = results(world, "metrics/series/?metric_name=py.orders")
    assert series["description"] == "Orders placed."


def test_logs_of_the_python_sdk_are_read_back(world: World) -> None:
    with shut_down(LoggerProvider(resource=RESOURCE)) as provider, shut_down(TracerProvider()) as tracers:
        provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**options(world, "logs"))))
        with tracers.get_tracer("shop").start_as_current_span("GET /cart") as span:
            record = LogRecord(
                timestamp=time.time_ns(),
                severity_number=SeverityNumber.ERROR,
                severity_text="ERROR",
                body={"order": 7, "reason": "declined"},
                attributes={"user.id": "u-1"},
                context=trace.set_span_in_context(span),
            )
            provider.get_logger("shop").emit(record)
    (row,) = results(world, f"events/?event_type=log&trace_id={span.get_span_context().trace_id:032x}")
    assert (row["severity"], row["source"], row["user_id"]) == ("error", "py-shop", "u-1")
    assert row["properties"] == {"order": 7, "reason": "declined"}
    assert row["span_id"] == f"{span.get_span_context().span_id:016x}"


@pytest.fixture(scope="module")
def js_client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The JavaScript SDK and the program that uses it, in a folder of their own."""
    npm = shutil.which("npm")
    if not npm or not shutil.which("node"):
        pytest.skip("Node.js and npm are not on this machine")
    folder = tmp_path_factory.mktemp("otlp_client")
    shutil.copytree(JS_CLIENT, folder, dirs_exist_ok=True)
    command = [npm, "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline"]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=INSTALL_SECONDS)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired) as error:
        pytest.skip(f"npm can't install the JavaScript SDK: {(error.stderr or b'').decode()[-300:]}")
    return folder


def test_the_javascript_sdk_is_read_back(world: World, js_client: Path) -> None:
    environ = operator_environ(
        OTEL_EXPORTER_OTLP_ENDPOINT=world.platform.url,
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer%20{KEY}",
        OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
        PATH=os.environ["PATH"],
    )
    run = subprocess.run(
        ["node", "send.js"],
        cwd=js_client,
        env=environ,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    trace_id = run.stdout.split()[-1]
    tree = world.get(f"/api/v1/traces/{trace_id}/")
    assert tree["span_count"] == 2  # sent as JSON and as protobuf, stored once
    (root,) = tree["roots"]
    (child,) = root["children"]
    assert (root["operation_name"], root["service_name"], root["http_method"]) == (
        "GET /cart",
        "js-shop",
        "GET",
    )
    assert (child["status"], child["tags"]["rows"]) == ("error", 3)
    assert [(event["name"], event["attributes"]) for event in child["events"]] == [
        ("retried", {"attempt": 2})
    ]
    rows = {row["metric_name"]: row for row in results(world, "metrics/?service_name=js-shop")}
    assert (rows["js.orders"]["metric_value"], rows["js.orders"]["tags"]["country"]) == (5, "de")
    assert (rows["js.duration"]["count"], rows["js.duration"]["sum"]) == (1, 12)
    (record,) = results(world, f"events/?event_type=log&trace_id={trace_id}")
    assert (record["severity"], record["properties"]["body"]) == ("warning", "stock is low")
    assert record["tags"]["sku"] == "a-1"
