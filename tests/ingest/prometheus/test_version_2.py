"""What only remote write 2.0 has: symbols, start times; and what both have beside samples."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.protocols.remote_write import v1_pb2, v2_pb2
from tests.clients import ProjectClient
from tests.ingest.prometheus.messages import (
    UP,
    V1,
    V2,
    Request2,
    now_ms,
    points,
    request_1,
    send,
    series_1,
    written,
)


@pytest.mark.parametrize(
    ("change", "status"),
    [
        (lambda message: message.symbols.__setitem__(0, "x"), 400),
        (lambda message: message.timeseries[0].labels_refs.append(1), 400),
        (lambda message: message.timeseries[0].labels_refs.extend([1, 99]), 400),
        (lambda message: message.timeseries[0].labels_refs.extend([2**32 - 1, 1]), 400),
        (lambda message: setattr(message.timeseries[0].metadata, "help_ref", 99), 400),
        (lambda message: message.timeseries[0].exemplars.add(labels_refs=[1], timestamp=now_ms()), 400),
        (lambda message: message.timeseries[0].exemplars.add(labels_refs=[1, 99], timestamp=now_ms()), 400),
        (lambda message: message.symbols.append("unused"), 204),
    ],
)
def test_references_must_lead_to_symbols(api: ProjectClient, change: Any, status: int) -> None:
    request = Request2()
    request.add(UP, [(1, now_ms())])
    change(request.message)
    answer = send(api, request.body(), V2)  # R14
    assert answer.status_code == status, answer.content
    assert (answer.content == b"") is (status == 204)


def test_a_series_has_samples_or_histograms(api: ProjectClient) -> None:
    moment = now_ms()
    request = Request2()
    request.add(UP, [(1, moment)], [v2_pb2.Histogram(timestamp=moment)])
    request.add({"__name__": "nothing"})
    request.add({"__name__": "fine"}, [(1, moment)])
    answer = send(api, request.body(), V2)  # R15
    assert (answer.status_code, written(answer)) == (400, (1, 0, 0))
    text = answer.content.decode()
    assert "both samples and histograms: up (2 times)" in text
    assert "neither samples nor histograms: nothing" in text
    assert [point["metric_name"] for point in points(api)] == ["fine"]


def test_a_start_of_zero_is_unset(api: ProjectClient) -> None:
    moment = now_ms()
    request = Request2()
    request.add(UP, [(1, moment)], start_ms=0)
    request.add({**UP, "__name__": "begun"}, [(1, moment)], start_ms=moment - 1000)
    assert send(api, request.body(), V2).status_code == 204  # R16
    assert [point["start_time"] is None for point in points(api, metric_name="up")] == [True]
    assert [point["start_time"] is None for point in points(api, metric_name="begun")] == [False]


def test_series_may_come_before_the_symbols_they_name(api: ProjectClient) -> None:
    request = Request2()
    request.add(UP, [(1, now_ms())])
    series = v2_pb2.Request(timeseries=request.message.timeseries).SerializeToString()
    symbols = v2_pb2.Request(symbols=request.message.symbols).SerializeToString()
    assert send(api, series + symbols, V2).status_code == 204
    assert [point["tags"]["job"] for point in points(api)] == ["node"]


@pytest.mark.parametrize("version", [V1, V2])
def test_an_exemplar_leads_to_its_trace(api: ProjectClient, version: str) -> None:
    moment = now_ms()
    labels = {"__name__": "rpc_seconds_bucket", "le": "0.5"}
    exemplars = [({"trace_id": "AB" * 16, "span_id": "cd" * 8, "user": "ada"}, 0.4, moment)]
    request = Request2()
    request.add(labels, [(3, moment)], exemplars=exemplars)
    body = request_1(series_1(labels, [(3, moment)], exemplars=exemplars))
    answer = send(api, request.body() if version == V2 else body, version)  # R17
    assert answer.status_code == 204, answer.content
    (found,) = api.results(f"/api/v1/metrics/exemplars?trace_id={'ab' * 16}")
    assert (found["value"], found["trace_id"], found["span_id"]) == (0.4, "ab" * 16, "cd" * 8)
    assert found["attributes"] == {"user": "ada"}
    (series,) = api.results("/api/v1/metrics/series")
    assert found["series_id"] == series["series_id"]


def test_an_exemplar_needs_a_time_and_may_go_without_labels(api: ProjectClient) -> None:
    moment = now_ms()
    request = Request2()
    request.add(UP, [(3, moment)], exemplars=[({}, float("inf"), moment), ({}, 1, 0)])
    answer = send(api, request.body(), V2)  # R17
    assert (answer.status_code, written(answer)) == (400, (1, 0, 1))
    assert b"no timestamp" in answer.content


@pytest.mark.parametrize("labels", [{"trace_id": "x" * 65}, {"note": "x" * 1001}])
def test_an_exemplar_that_can_not_be_kept_is_told(api: ProjectClient, labels: dict[str, str]) -> None:
    moment = now_ms()
    answer = send(api, request_1(series_1(UP, [(3, moment)], exemplars=[(labels, 1, moment)])))
    assert answer.status_code == 400
    assert answer.content.startswith(b"1 of 2 were not written")
    assert len(points(api)) == 1


def test_metadata_of_version_1_describes_a_family_and_its_series(api: ProjectClient) -> None:
    histogram = v1_pb2.MetricMetadata(
        type=v1_pb2.MetricMetadata.HISTOGRAM, metric_family_name="rpc_seconds", help="Calls.", unit="seconds"
    )
    gauge = v1_pb2.MetricMetadata(type=v1_pb2.MetricMetadata.GAUGE, metric_family_name="up", help="Is it up?")
    body = request_1(
        series_1(UP, [(1, now_ms())]),
        series_1({"__name__": "rpc_seconds_bucket", "le": "1"}, [(1, now_ms())]),
        metadata=[histogram, gauge],
    )
    assert [send(api, body).status_code for _ in range(2)] == [204, 204]
    found = {row["metric_name"]: row["description"] for row in api.results("/api/v1/metrics/series")}
    assert found == {"up": "Is it up?", "rpc_seconds_bucket": "Calls."}


def test_metadata_alone_is_fine_and_needs_a_name(api: ProjectClient) -> None:
    words = v1_pb2.MetricMetadata(
        type=v1_pb2.MetricMetadata.INFO, metric_family_name="build", help="x" * 5000
    )
    assert send(api, request_1(metadata=[words])).status_code == 204
    answer = send(api, request_1(metadata=[words, v1_pb2.MetricMetadata(help="of nothing")]))
    assert answer.status_code == 400
    assert b"metadata names no metric" in answer.content


def test_the_newest_words_for_a_metric_win(api: ProjectClient) -> None:
    for words in ("first", "second"):
        request = Request2()
        kind = v2_pb2.Metadata.METRIC_TYPE_GAUGE
        request.add(UP, [(1, now_ms())], metadata=(kind, words, ""))
        assert send(api, request.body(), V2).status_code == 204
    assert [row["description"] for row in api.results("/api/v1/metrics/series")] == ["second"]


@pytest.mark.parametrize(
    ("kind", "name", "expected"),
    [
        ("COUNTER", "requests", "counter"),
        ("GAUGE", "odd_total", "gauge"),
        ("HISTOGRAM", "rpc_seconds_bucket", "counter"),
        ("GAUGEHISTOGRAM", "queue_bucket", "gauge"),
        ("SUMMARY", "rpc_seconds_sum", "counter"),
        ("SUMMARY", "rpc_seconds", "gauge"),
        ("INFO", "build_info", "gauge"),
        ("STATESET", "node_state", "gauge"),
        ("UNSPECIFIED", "requests_total", "counter"),
    ],
)
def test_metadata_tells_the_type_before_the_name_does(
    api: ProjectClient, kind: str, name: str, expected: str
) -> None:
    request = Request2()
    declared = getattr(v2_pb2.Metadata, f"METRIC_TYPE_{kind}")
    request.add({"__name__": name}, [(1, now_ms())], metadata=(declared, "words", "u"))
    assert send(api, request.body(), V2).status_code == 204
    assert [(point["metric_type"], point["metric_unit"]) for point in points(api)] == [(expected, "u")]
