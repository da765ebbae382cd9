"""OTLP metrics, read back through the API."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    DataPointFlags,
    Metric,
    SummaryDataPoint,
)

from tests.clients import ProjectClient
from tests.ingest.otlp.messages import (
    METRICS,
    SECOND,
    attributes,
    gauge,
    metrics,
    now_nanos,
    send,
    stored,
)

DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
LABELS = {
    "service_name": "checkout",
    "host_name": "web-1",
    "instance_id": "7",
    "cloud.region": "eu",
    "otel.scope.name": "shop.http",
}


def moment_of(nanos: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanos // 1000)


def points(api: ProjectClient, *found: Metric) -> list[dict[str, Any]]:
    stored(api, METRICS, metrics(*found))
    return api.results("/api/v1/metrics/")


def the_point(api: ProjectClient, metric: Metric) -> dict[str, Any]:
    (row,) = points(api, metric)
    return row


def total(temporality: Any, *, is_monotonic: bool) -> Metric:
    """A sum with one point of 5 that has counted for 10 s."""
    metric = Metric(name="requests", unit="{request}", description="Requests answered.")
    metric.sum.aggregation_temporality = temporality
    metric.sum.is_monotonic = is_monotonic
    now = now_nanos()
    metric.sum.data_points.add(
        as_int=5,
        start_time_unix_nano=now - 10 * SECOND,
        time_unix_nano=now,
        attributes=attributes({"route": "/cart"}),
    )
    return metric


def test_a_gauge_is_stored_field_by_field(api: ProjectClient) -> None:
    now = now_nanos()
    row = the_point(api, gauge("queue.length", (1.5, now), route="/cart"))
    assert datetime.fromisoformat(row["timestamp"]) == moment_of(now)
    assert (row["metric_name"], row["metric_type"], row["metric_unit"], row["metric_value"]) == (
        "queue.length",
        "gauge",
        "1",
        1.5,
    )
    assert row["tags"] == {**LABELS, "route": "/cart"}
    assert (row["service_name"], row["host_name"], row["instance_id"]) == ("checkout", "web-1", "7")


@pytest.mark.parametrize(
    ("temporality", "is_monotonic", "expected"),
    [
        (DELTA, True, ("counter", "delta")),
        (CUMULATIVE, True, ("counter", "cumulative")),
        (DELTA, False, ("gauge", "delta")),
        (CUMULATIVE, False, ("gauge", None)),
    ],
)
def test_sums_are_counters_where_they_only_grow(
    api: ProjectClient, temporality: Any, is_monotonic: bool, expected: tuple[str, str | None]
) -> None:
    metric = total(temporality, is_monotonic=is_monotonic)
    row = the_point(api, metric)
    assert (row["metric_type"], row["temporality"], row["metric_value"]) == (*expected, 5)
    began = row["start_time"]
    if expected[1]:
        assert datetime.fromisoformat(began) == moment_of(metric.sum.data_points[0].start_time_unix_nano)
    else:
        assert began is None


def test_what_a_metric_means_is_kept_with_its_series(api: ProjectClient) -> None:
    points(api, total(CUMULATIVE, is_monotonic=True))
    (series,) = api.results("/api/v1/metrics/series/")
    assert (series["description"], series["metric_unit"]) == ("Requests answered.", "{request}")


def test_a_histogram_keeps_its_buckets(api: ProjectClient) -> None:
    metric = Metric(name="duration", unit="ms")
    metric.histogram.aggregation_temporality = CUMULATIVE
    now = now_nanos()
    point = metric.histogram.data_points.add(
        count=4,
        sum=110,
        bucket_counts=[1, 2, 1],
        explicit_bounds=[10, 50],
        start_time_unix_nano=now - SECOND,
        time_unix_nano=now,
    )
    row = the_point(api, metric)
    assert (row["metric_type"], row["temporality"]) == ("histogram", "cumulative")
    assert (row["count"], row["sum"], row["min"], row["max"], row["metric_value"]) == (
        4,
        110,
        None,
        None,
        27.5,
    )
    assert row["histogram"] == {"bounds": [10, 50], "counts": [1, 2, 1]}
    point.min, point.max = 2, 60
    point.time_unix_nano += 1000
    stored(api, METRICS, metrics(metric))
    assert {(row["min"], row["max"]) for row in api.results("/api/v1/metrics/")} == {(None, None), (2, 60)}


def test_an_exponential_histogram_keeps_its_buckets(api: ProjectClient) -> None:
    metric = Metric(name="duration")
    metric.exponential_histogram.aggregation_temporality = DELTA
    point = metric.exponential_histogram.data_points.add(
        count=7, sum=9.5, scale=3, zero_count=1, time_unix_nano=now_nanos()
    )
    point.positive.offset = -2
    point.positive.bucket_counts.extend([1, 0, 3])
    point.negative.bucket_counts.extend([2])
    row = the_point(api, metric)
    assert (row["metric_type"], row["temporality"], row["count"], row["sum"]) == (
        "histogram",
        "delta",
        7,
        9.5,
    )
    assert row["histogram"] == {
        "scale": 3,
        "zero_count": 1,
        "positive": {"offset": -2, "counts": [1, 0, 3]},
        "negative": {"offset": 0, "counts": [2]},
    }


def test_a_summary_keeps_its_quantiles(api: ProjectClient) -> None:
    metric = Metric(name="duration")
    pairs = {0.5: 10.0, 0.9: 20.0, 0.95: math.nan, 0.99: 40.0, 1.0: 41.0}
    quantiles = [SummaryDataPoint.ValueAtQuantile(quantile=q, value=value) for q, value in pairs.items()]
    metric.summary.data_points.add(count=4, sum=60, time_unix_nano=now_nanos(), quantile_values=quantiles)
    row = the_point(api, metric)
    assert (row["metric_type"], row["temporality"], row["count"], row["sum"]) == (
        "histogram",
        "cumulative",
        4,
        60,
    )
    assert [row[f"percentile_{number}"] for number in (50, 90, 95, 99)] == [10, 20, None, 40]
    assert row["histogram"] == {"quantiles": {"0.5": 10, "0.9": 20, "0.95": None, "0.99": 40, "1": 41}}


def test_no_recorded_value_ends_the_series(api: ProjectClient) -> None:
    metric = gauge("g", (0, now_nanos()))
    metric.gauge.data_points[0].flags = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
    row = the_point(api, metric)
    assert (row["stale"], row["metric_value"]) == (True, None)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 0.0, -0.0, 5e-324, 1.7e308])
def test_any_double_is_stored(api: ProjectClient, value: float) -> None:
    assert len(points(api, gauge("g", (value, now_nanos())))) == 1


def test_whole_numbers_are_read(api: ProjectClient) -> None:
    metric = gauge("g")
    for number, value in enumerate((0, -3, 2**63 - 1)):
        metric.gauge.data_points.add(as_int=value, time_unix_nano=now_nanos() + number * 1000)
    assert {row["metric_value"] for row in points(api, metric)} == {0, -3, float(2**63 - 1)}


def test_attributes_become_texts_and_describe_one_series_in_any_order(api: ProjectClient) -> None:
    values = {"flag": True, "n": 3, "half": 0.5, "list": ["a", 1], "map": {"k": "v"}}
    metric = gauge("g")
    for number, names in enumerate((list(values), list(reversed(values)))):
        chosen = attributes({name: values[name] for name in names})
        metric.gauge.data_points.add(as_int=1, time_unix_nano=now_nanos() + number * 1000, attributes=chosen)
    rows = points(api, metric)
    assert len({row["series_id"] for row in rows}) == 1
    texts = {"flag": "true", "n": "3", "half": "0.5", "list": '["a",1]', "map": '{"k":"v"}'}
    assert rows[0]["tags"] == {**LABELS, **texts}


def test_what_describes_a_process_is_no_label(api: ProjectClient) -> None:
    resource = {
        "service.name": "checkout",
        "process.pid": 7,
        "telemetry.sdk.version": "1.2",
        "os.type": "linux",
        "host.arch": "amd64",
        "k8s.pod.name": "checkout-0",
    }
    stored(api, METRICS, metrics(gauge("g", (1, now_nanos())), resource=resource))
    (row,) = api.results("/api/v1/metrics/")
    assert row["tags"] == {
        "service_name": "checkout",
        "k8s.pod.name": "checkout-0",
        "otel.scope.name": "shop.http",
    }


def test_a_point_goes_before_its_resource_and_both_are_kept(api: ProjectClient) -> None:
    row = the_point(api, gauge("g", (1, now_nanos()), service_name="cart", **{"cloud.region": "us"}))
    assert (row["tags"]["cloud.region"], row["tags"]["resource.cloud.region"]) == ("us", "eu")
    assert (row["service_name"], row["tags"]["resource.service_name"]) == ("cart", "checkout")


def test_a_long_name_is_cut_and_kept_whole_as_a_label(api: ProjectClient) -> None:
    rows = points(api, gauge("n" * 250, (1, now_nanos())), gauge("n" * 251, (1, now_nanos())))
    assert {row["metric_name"] for row in rows} == {"n" * 199 + "…"}
    assert {len(row["tags"]["metric_name"]) for row in rows} == {250, 251}


def test_an_exemplar_leads_to_its_trace(api: ProjectClient) -> None:
    now, trace_id, span_id = now_nanos(), os.urandom(16), os.urandom(8)
    metric = total(CUMULATIVE, is_monotonic=True)
    metric.sum.data_points[0].exemplars.add(
        as_double=0.25,
        time_unix_nano=now - SECOND,
        trace_id=trace_id,
        span_id=span_id,
        filtered_attributes=attributes({"user": 7}),
    )
    (point,) = points(api, metric)
    (found,) = api.results("/api/v1/metrics/exemplars/?metric_name=requests")
    assert datetime.fromisoformat(found["timestamp"]) == moment_of(now - SECOND)
    assert found["series_id"] == point["series_id"]
    assert (found["trace_id"], found["span_id"], found["value"]) == (trace_id.hex(), span_id.hex(), 0.25)
    assert found["attributes"] == {"user": 7}


def test_an_exemplar_may_have_no_trace(api: ProjectClient) -> None:
    metric = gauge("g", (1, now_nanos()))
    metric.gauge.data_points[0].exemplars.add(as_int=3, time_unix_nano=now_nanos())
    points(api, metric)
    (found,) = api.results("/api/v1/metrics/exemplars/")
    assert (found["trace_id"], found["value"]) == ("", 3)


def unnamed() -> Metric:
    return gauge("", (1, now_nanos()))


def valueless() -> Metric:
    metric = gauge("g")
    metric.gauge.data_points.add(time_unix_nano=now_nanos())
    return metric


def without_temporality() -> Metric:
    return total(AggregationTemporality.AGGREGATION_TEMPORALITY_UNSPECIFIED, is_monotonic=True)


def lopsided() -> Metric:
    metric = Metric(name="h")
    metric.histogram.aggregation_temporality = DELTA
    metric.histogram.data_points.add(
        count=1, time_unix_nano=now_nanos(), bucket_counts=[1], explicit_bounds=[1, 2]
    )
    return metric


def too_fine() -> Metric:
    metric = Metric(name="h")
    metric.exponential_histogram.aggregation_temporality = DELTA
    metric.exponential_histogram.data_points.add(count=1, time_unix_nano=now_nanos(), scale=99)
    return metric


def overflowing() -> Metric:
    metric = Metric(name="h")
    metric.histogram.aggregation_temporality = DELTA
    metric.histogram.data_points.add(count=2**64 - 1, time_unix_nano=now_nanos())
    return metric


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (unnamed, "no name"),
        (valueless, "no value"),
        (lambda: gauge("n" * 1001, (1, now_nanos())), "more than 1,000 characters"),
        (without_temporality, "neither delta nor cumulative"),
        (lopsided, "2 bounds need 3 counts, not 1"),
        (too_fine, "scale"),
        (overflowing, "counts from 0"),
        (lambda: gauge("g", (1, 0)), "timestamp is required"),
        (lambda: gauge("g", (1, 5)), "retention"),
        (lambda: gauge("g", (1, now_nanos()), k="v" * 1001), "too long"),
    ],
)
def test_a_bad_point_is_rejected_with_its_reason(api: ProjectClient, make: Any, reason: str) -> None:
    answer = send(api, METRICS, metrics(gauge("good", (1, now_nanos())), make()))
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == 1
    assert partial.error_message.startswith("1 of 2 data points were rejected: data points 1: ")
    assert reason in partial.error_message
    assert [row["metric_name"] for row in api.results("/api/v1/metrics/")] == ["good"]


def test_metrics_without_points_are_nothing(api: ProjectClient) -> None:
    assert points(api, Metric(name="empty"), gauge("also")) == []


def test_percentiles_of_a_histogram_can_be_asked_for(api: ProjectClient) -> None:
    metric = Metric(name="duration")
    metric.histogram.aggregation_temporality = DELTA
    metric.histogram.data_points.add(
        count=100, sum=5000, time_unix_nano=now_nanos(), bucket_counts=[0, 100, 0], explicit_bounds=[40, 60]
    )
    points(api, metric)
    answer = api.get("/api/v1/metric-chart/?metric_name=duration&aggregation=p95&interval=1d")
    (line,) = answer.json()["series"]
    assert [value for _, value in line["points"]] == [pytest.approx(59, abs=1)]
