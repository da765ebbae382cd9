"""Labels and values of remote write: what is wrong is told and the rest stored; what is right is kept exactly."""

from __future__ import annotations

from typing import Any

import pytest

from ingest.protocols.remote_write import v1_pb2
from tests.clients import ProjectClient
from tests.ingest.prometheus.messages import (
    STALE,
    UP,
    V1,
    V2,
    Request2,
    now_ms,
    points,
    request_1,
    sample_1,
    sample_2,
    send,
    series_1,
    written,
)

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ([("__name__", "up"), ("a", "1"), ("a", "2")], "repeated"),
        ([("__name__", "up"), ("a", "1"), ("b", "1"), ("a", "1")], "repeated"),
        ([("__name__", "up"), ("", "1")], "name of a label is empty"),
        ([("__name__", "up"), ("a", "")], "'a' is empty"),
        ([("__name__", "up"), ("b", "1"), ("a", "2")], "not sorted"),
        ([("__name__", "")], "'__name__' is empty"),
        ([("job", "api")], "__name__ is missing"),
        ([], "__name__ is missing"),
        ([("__name__", "up"), *((f"l{place:02}", "x") for place in range(65))], "at most 64 labels"),
        ([("__name__", "up"), ("a", "x" * 1001)], "too long"),
    ],
)
@pytest.mark.parametrize("version", [V1, V2])
def test_labels_that_break_the_rules_are_400_and_the_rest_is_stored(
    api: ProjectClient, labels: list[tuple[str, str]], reason: str, version: str
) -> None:
    moment = now_ms()
    request = Request2()
    request.add(UP, [(1, moment)])
    request.add(labels, [(1, moment), (2, moment + 1)])
    body = request_1(series_1(UP, [(1, moment)]), series_1(labels, [(1, moment), (2, moment + 1)]))
    answer = send(api, request.body() if version == V2 else body, version)  # R7, R8, R11
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    text = answer.content.decode()
    assert reason in text
    assert text.startswith("2 of 3 were not written")
    assert len(points(api)) == 1
    if version == V2:
        assert written(answer) == (1, 0, 0)


@pytest.mark.parametrize(
    "labels",
    [
        {"__name__": "http.server.duration"},
        {"__name__": "up", "service.name": "api"},
        {"__name__": "9lives"},
        {"__name__": "up", "größe": "1"},
    ],
)
def test_utf_8_names_are_for_version_2(api: ProjectClient, labels: dict[str, str]) -> None:
    request = Request2()
    request.add(labels, [(1, now_ms())])
    assert send(api, request.body(), V2).status_code == 204  # R11
    (point,) = points(api)
    assert {"__name__": point["metric_name"], **point["tags"]} == labels
    answer = send(api, request_1(series_1(labels, [(1, now_ms())])))
    assert answer.status_code == 400
    assert b"remote write 1.0" in answer.content


def test_colons_are_for_the_names_of_metrics(api: ProjectClient) -> None:
    assert send(api, sample_1(__name__="job:up:sum")).status_code == 204
    assert send(api, request_1(series_1({"__name__": "up", "a:b": "1"}, [(1, now_ms())]))).status_code == 400


@pytest.mark.parametrize("shift", [-200 * DAY_MS, 2 * HOUR_MS, -(2**63), 2**63 - 1])
def test_samples_outside_the_bounds_are_400_and_told(api: ProjectClient, shift: int) -> None:
    moment = now_ms()
    wrong = moment + shift if abs(shift) < 2**62 else shift
    request = Request2()
    request.add(UP, [(1, moment), (2, wrong)])
    answer = send(api, request.body(), V2)  # R8, R12
    assert (answer.status_code, written(answer)) == (400, (1, 0, 0))
    assert answer.content.startswith(b"1 of 2 were not written")
    assert [point["metric_value"] for point in points(api)] == [1]


@pytest.mark.parametrize("version", [V1, V2])
def test_another_value_at_the_same_time_is_a_duplicate_sample(api: ProjectClient, version: str) -> None:
    moment = now_ms()
    request = Request2()
    request.add(UP, [(2, moment)])
    assert send(api, request_1(series_1(UP, [(1, moment)]))).status_code == 204
    body = request_1(series_1(UP, [(2, moment)])) if version == V1 else request.body()
    answer = send(api, body, version)
    assert answer.status_code == 400
    assert b"duplicate sample for timestamp" in answer.content
    assert [point["metric_value"] for point in points(api)] == [1]


@pytest.mark.parametrize(
    ("version", "fault"), [(V1, "wrong UTF-8"), (V1, "more than 1 MB"), (V2, "more than 1 MB")]
)
def test_a_series_that_cannot_be_read_is_refused_alone(api: ProjectClient, version: str, fault: str) -> None:
    moment, label = now_ms(), "x" * (1_000_001 if fault == "more than 1 MB" else 5)
    if version == V1:
        bad = series_1({**UP, "zone": label}, [(1, moment)])
        body = request_1(bad, series_1(UP, [(2, moment)]))
    else:
        request = Request2()
        request.add({**UP, "__name__": "big"}, [(1, moment + place) for place in range(70_000)])
        request.add(UP, [(2, moment)])
        body = request.body()
    if fault == "wrong UTF-8":
        body = body.replace(b"xxxxx", b"\xff" * 5)
    answer = send(api, body, version)
    assert answer.status_code == 400
    assert "1 of 2 were not written" in answer.content.decode()
    assert ("UTF-8" if fault == "wrong UTF-8" else "1,000,000 bytes") in answer.content.decode()
    assert [point["metric_value"] for point in points(api)] == [2]


def test_exemplars_of_a_series_without_a_good_sample_are_refused(api: ProjectClient) -> None:
    exemplars = [({"trace_id": "ab" * 16}, 1.0, now_ms())]
    answer = send(api, request_1(series_1(UP, [(1, 2**62)], exemplars=exemplars)))
    assert answer.status_code == 400
    assert "2 of 2 were not written" in answer.content.decode()
    assert api.results("/api/v1/metrics/exemplars/") == []
    assert api.results("/api/v1/metrics/series") == []


def test_many_reasons_are_told_shortly(api: ProjectClient) -> None:
    series = [series_1([("__name__", f"bad {place}")], [(1, now_ms())] * 3) for place in range(50)]
    text = send(api, request_1(*series)).content.decode()
    assert text.startswith("150 of 150")
    assert "(3 times)" in text
    assert "30 more reasons" in text


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        (float("nan"), "NaN"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (5e-324, 5e-324),
        (1.7976931348623157e308, 1.7976931348623157e308),
        (-0.1, -0.1),
    ],
)
def test_every_double_is_kept(api: ProjectClient, value: float, stored: Any) -> None:
    body = sample_1(value)
    assert [send(api, body).status_code for _ in range(2)] == [204, 204]  # R12
    (point,) = points(api)
    assert (point["metric_value"], point["stale"]) == (stored, False)


@pytest.mark.parametrize("version", [V1, V2])
def test_the_stale_marker_ends_a_series_and_is_no_value(api: ProjectClient, version: str) -> None:
    body = sample_1(STALE) if version == V1 else sample_2(STALE)
    assert [send(api, body, version).status_code for _ in range(2)] == [204, 204]  # R13
    (point,) = points(api)
    assert (point["metric_value"], point["stale"]) == (None, True)


def test_milliseconds_are_exact(api: ProjectClient) -> None:
    moment = now_ms() // 1000 * 1000 + 123
    send(api, request_1(series_1(UP, [(1, moment)])))  # R12
    (point,) = points(api)
    assert point["timestamp"].split(".")[1].rstrip("Z").rstrip("0") == "123"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("http_requests_total", "counter"),
        ("rpc_seconds_bucket", "counter"),
        ("rpc_seconds_sum", "counter"),
        ("rpc_seconds_count", "counter"),
        ("temperature_celsius", "gauge"),
    ],
)
def test_a_name_tells_the_type_where_no_metadata_does(api: ProjectClient, name: str, expected: str) -> None:
    send(api, sample_1(__name__=name))
    assert [point["metric_type"] for point in points(api)] == [expected]


def test_service_and_instance_are_found_by_their_labels(api: ProjectClient) -> None:
    send(api, sample_1(job="x" * 300, service_name="billing"))
    (point,) = points(api, service_name="billing", instance_id="web-1:9100")
    assert point["tags"] == {"instance": "web-1:9100", "job": "x" * 300, "service_name": "billing"}
    send(api, sample_1(__name__="other", job="x" * 300))
    (point,) = points(api, metric_name="other")
    assert point["service_name"] == "x" * 199 + "…"


def test_a_long_name_is_cut_and_kept_whole_among_the_tags(api: ProjectClient) -> None:
    for last in "ab":
        send(api, sample_1(__name__="n" * 300 + last))
    assert {point["metric_name"] for point in points(api)} == {"n" * 199 + "…"}
    assert {point["tags"]["metric_name"][-1] for point in points(api)} == {"a", "b"}


def test_a_nul_is_that_entry_s_error(api: ProjectClient) -> None:
    moment = now_ms()
    body = request_1(
        series_1({"__name__": "fine"}, [(1, moment)], exemplars=[({"note": "a\0b"}, 1, moment)]),
        series_1({"__name__": "up", "job": "a\0b"}, [(1, moment)]),
        metadata=[v1_pb2.MetricMetadata(metric_family_name="fine", help="a\0b")],
    )
    answer = send(api, body)
    assert answer.status_code == 400
    assert answer.content.startswith(b"3 of 4 were not written")
    assert [point["metric_name"] for point in points(api)] == ["fine"]
