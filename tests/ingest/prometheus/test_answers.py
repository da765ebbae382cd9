"""What a compliant receiver of Prometheus remote write answers; R1 to R18 are the lines of its specifications."""

from __future__ import annotations

from typing import Any

import cramjam
import pytest
from django.db import connection
from django.test import Client

from ingest.protocols.remote_write import v2_pb2
from storage.writer import close_writer
from tests.clients import ProjectClient, client_of
from tests.ingest.prometheus.messages import (
    PATH,
    UP,
    V1,
    V2,
    WRITTEN,
    Request2,
    now_ms,
    points,
    request_1,
    sample_1,
    sample_2,
    send,
    send_raw,
    series_1,
    written,
)


def one(version: str) -> bytes:
    return sample_1() if version == V1 else sample_2()


def test_version_1_is_stored_and_answered_with_an_empty_204(api: ProjectClient) -> None:
    moment = now_ms()
    answer = send(api, request_1(series_1(UP, [(0.5, moment)])))  # R1
    assert (answer.status_code, answer.content) == (204, b"")
    assert not any(name in answer.headers for name in WRITTEN)
    (point,) = points(api)
    assert point["metric_name"] == "up"
    assert point["metric_value"] == 0.5
    assert point["metric_type"] == "gauge"
    assert point["tags"] == {"instance": "web-1:9100", "job": "node"}
    assert (point["service_name"], point["instance_id"]) == ("node", "web-1:9100")


def test_version_2_is_stored_and_told_how_much_was_written(api: ProjectClient) -> None:
    moment = now_ms()
    request = Request2()
    kind = v2_pb2.Metadata.METRIC_TYPE_COUNTER
    request.add(
        {**UP, "__name__": "requests"},
        [(7, moment - 1000), (9, moment)],
        exemplars=[({"trace_id": "ab" * 16}, 1.5, moment)],
        start_ms=moment - 5000,
        metadata=(kind, "Requests answered.", "requests"),
    )
    answer = send(api, request.body(), V2)  # R2, R6
    assert (answer.status_code, answer.content) == (204, b"")
    assert written(answer) == (2, 0, 1)
    assert [point["metric_value"] for point in points(api)] == [7, 9]
    (point, _) = points(api)
    assert (point["metric_type"], point["metric_unit"], point["temporality"]) == (
        "counter",
        "requests",
        "cumulative",
    )
    assert point["start_time"] is not None
    (series,) = api.results("/api/v1/metrics/series")
    assert series["description"] == "Requests answered."


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-protobuf", sample_1),
        ("Application/X-Protobuf; proto=prometheus.WriteRequest", sample_1),
        ('application/x-protobuf;proto="io.prometheus.write.v2.Request"', sample_2),
    ],
)
@pytest.mark.parametrize("version", ["0.1.0", "2.0.0", ""])
def test_the_content_type_alone_tells_the_schema(
    api: ProjectClient, content_type: str, body: Any, version: str
) -> None:
    answer = send(api, body(), content_type, HTTP_X_PROMETHEUS_REMOTE_WRITE_VERSION=version)  # R3
    assert answer.status_code == 204, answer.content
    assert len(points(api)) == 1


@pytest.mark.parametrize("version", [V1, V2])
def test_the_same_request_again_is_stored_once(api: ProjectClient, version: str) -> None:
    body = one(version)
    assert [send(api, body, version).status_code for _ in range(3)] == [204, 204, 204]  # R18
    assert len(points(api)) == 1


def test_a_repeated_request_has_written_what_it_holds(api: ProjectClient) -> None:
    body = sample_2()
    assert [written(send(api, body, V2)) for _ in range(2)] == [(1, 0, 0), (1, 0, 0)]  # R6, R18


def test_an_empty_request_is_fine(api: ProjectClient) -> None:
    assert send(api, b"", V1).status_code == 204
    answer = send(api, Request2().body(), V2)
    assert (answer.status_code, written(answer)) == (204, (0, 0, 0))


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "image/png",
        "text/plain",
        "application/x-protobuf;proto=io.prometheus.write.v3.Request",
        "",
    ],
)
def test_an_unknown_type_or_message_is_415(api: ProjectClient, content_type: str) -> None:
    answer = send(api, sample_2(), content_type)  # R4
    assert answer.status_code == 415
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert points(api) == []


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "identity", ""])
def test_version_2_in_another_encoding_is_415(api: ProjectClient, encoding: str) -> None:
    answer = send_raw(api, sample_2(), V2, HTTP_CONTENT_ENCODING=encoding)  # R4
    assert answer.status_code == 415
    assert b"snappy" in answer.content
    assert written(answer) == (0, 0, 0)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "zstd", "identity", ""])
def test_version_1_in_another_encoding_is_400(api: ProjectClient, encoding: str) -> None:
    answer = send_raw(api, sample_1(), V1, HTTP_CONTENT_ENCODING=encoding)  # R5
    assert answer.status_code == 400
    assert b"snappy" in answer.content


@pytest.mark.parametrize("version", [V1, V2])
def test_framed_snappy_is_400(api: ProjectClient, version: str) -> None:
    framed = bytes(cramjam.snappy.compress(one(version)))
    answer = send_raw(api, framed, version)  # R5
    assert answer.status_code == 400
    assert b"block format" in answer.content


@pytest.mark.parametrize("version", [V1, V2])
@pytest.mark.parametrize("body", [b"not a message", b"\x0a\xff", b"\x2a\x05\x0a"])
def test_what_is_no_message_is_400_and_nothing_is_written(
    api: ProjectClient, version: str, body: bytes
) -> None:
    answer = send(api, body, version)
    assert answer.status_code == 400
    assert answer.headers["Content-Type"].startswith("text/plain")
    if version == V2:
        assert written(answer) == (0, 0, 0)  # R6


def test_more_than_ten_thousand_samples_are_413(api: ProjectClient) -> None:
    samples = [(1.0, now_ms() - place) for place in range(10_001)]
    assert send(api, request_1(series_1(UP, samples))).status_code == 413


def test_what_would_inflate_past_50_mb_is_413(api: ProjectClient) -> None:
    assert send(api, bytes(50_000_001)).status_code == 413


def test_a_wrong_key_and_a_missing_scope_are_told_in_plain_text(api: ProjectClient, project: Any) -> None:
    reader = client_of(project, ["read"])
    answer = send(reader, sample_2(), V2)
    assert answer.status_code == 403
    api.key = "wrong" * 10
    answer = send(api, sample_2(), V2)
    assert answer.status_code == 401
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert api.send("GET", PATH).status_code == 405


def test_a_rate_that_is_passed_is_429_with_the_time_to_wait(project: Any) -> None:
    slow = client_of(project, rate_limit_per_second=1)
    answers = [send(slow, sample_2(), V2) for _ in range(3)]
    assert answers[-1].status_code == 429  # R10
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert written(answers[-1]) == (0, 0, 0)


def test_a_store_that_is_away_is_a_503_that_senders_retry(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(api, sample_1())
    body = sample_2(job="other")
    close_writer()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "/nonexistent")
        answer = send(api, body, V2)
    assert answer.status_code == 503  # R9, R10
    assert answer.headers["Retry-After"]
    assert written(answer) == (0, 0, 0)
    answer = send(api, body, V2)
    assert (answer.status_code, written(answer)) == (204, (1, 0, 0))


def test_both_ways_are_described(client: Client) -> None:
    paths = client.get("/api/schema/").json()["paths"]
    write, federate = paths["/api/v1/write"]["post"], paths["/api/v1/prometheus/federate"]["get"]
    assert set(write["requestBody"]["content"]) == {V1, V2}
    assert {"204", "400", "413", "415", "429", "503"} <= set(write["responses"])
    assert {parameter["name"] for parameter in federate["parameters"]} == {"match[]", "lookback"}
