"""What a compliant OTLP/HTTP receiver answers; O1 to O23 are the lines of its specification."""

from __future__ import annotations

import gzip
import zlib
from typing import Any

import pytest
from django.db import connection
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from ingest.bodies import MAX_INFLATED_BYTES
from projects.models import Project
from storage.writer import close_writer
from tests.clients import ProjectClient, client_of
from tests.ingest.otlp.messages import (
    JSON,
    LOGS,
    METRICS,
    PROTOBUF,
    SECOND,
    TRACES,
    gauge,
    ids,
    log,
    logs,
    metrics,
    now_nanos,
    send,
    send_raw,
    span,
    status_of,
    traces,
)

PATHS = (TRACES, METRICS, LOGS)
ENCODINGS = pytest.mark.parametrize("content_type", [PROTOBUF, JSON])


def one(path: str) -> Message:
    """A request of one good record."""
    return {TRACES: traces(span()), METRICS: metrics(gauge("g", (1, now_nanos()))), LOGS: logs(log())}[path]


def stored_count(api: ProjectClient, path: str) -> int:
    list_path = {TRACES: "traces", METRICS: "metrics", LOGS: "events"}[path]
    return len(api.results(f"/api/v1/{list_path}/"))


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", PATHS)
def test_protobuf_is_stored_and_answered_with_an_empty_message(
    api: ProjectClient, path: str, slash: str
) -> None:
    answer = send(api, path + slash, one(path))  # O1, O3
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, PROTOBUF, b"")
    assert stored_count(api, path) == 1


@pytest.mark.parametrize("content_type", [JSON, "application/json; charset=utf-8"])
@pytest.mark.parametrize("path", PATHS)
def test_json_is_stored_and_answered_with_an_empty_object(
    api: ProjectClient, path: str, content_type: str
) -> None:
    answer = send(api, path, one(path), content_type)  # O2, O3
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, JSON, b"{}")
    assert stored_count(api, path) == 1


@pytest.mark.parametrize(
    ("content_type", "body"),
    [(PROTOBUF, b""), (PROTOBUF, traces().SerializeToString()), (JSON, b""), (JSON, b"{}")],
)
@pytest.mark.parametrize("path", PATHS)
def test_nothing_is_taken_as_nothing(api: ProjectClient, path: str, content_type: str, body: bytes) -> None:
    assert send_raw(api, path, body, content_type).status_code == 200  # O4


@ENCODINGS
def test_gzip_is_read_and_broken_gzip_refused(api: ProjectClient, content_type: str) -> None:
    body = b"{}" if content_type == JSON else traces(span()).SerializeToString()
    packed = gzip.compress(body)
    for encoding, sent, status in (
        ("gzip", packed, 200),
        ("gzip", packed[:-9], 400),
        ("gzip", body, 400),
    ):  # O5
        answer = send_raw(api, TRACES, sent, content_type, HTTP_CONTENT_ENCODING=encoding)
        assert (answer.status_code, answer["Content-Type"]) == (status, content_type)


@pytest.mark.parametrize("encoding", ["deflate", "zstd", "snappy", "br"])
def test_other_encodings_are_refused(api: ProjectClient, encoding: str) -> None:
    body = zlib.compress(traces(span()).SerializeToString())
    answer = send_raw(api, TRACES, body, HTTP_CONTENT_ENCODING=encoding)  # O6
    assert answer.status_code == 415
    assert encoding in status_of(answer).message


@ENCODINGS
def test_a_request_with_bad_spans_is_stored_in_part(api: ProjectClient, content_type: str) -> None:
    good = [span() for _ in range(7)]
    bad = [span(trace_id=b"short"), span(span_id=bytes(8)), span(end_time_unix_nano=1)]
    answer = send(api, TRACES, traces(*good, *bad), content_type)  # O7
    assert answer.status_code == 200
    if content_type == JSON:
        partial = answer.json()["partialSuccess"]
        rejected, message = partial["rejectedSpans"], partial["errorMessage"]
        assert rejected == "3"
    else:
        success = ExportTraceServiceResponse.FromString(answer.content).partial_success
        rejected, message = success.rejected_spans, success.error_message
        assert rejected == 3
    assert message.startswith("3 of 10 spans were rejected: spans 7: trace_id must have 16 bytes, not 5; ")
    assert {row["span_id"] for row in api.results("/api/v1/traces/")} == ids(good)


def test_rejected_points_and_log_records_are_counted_in_their_own_fields(api: ProjectClient) -> None:
    now = now_nanos()
    answer = send(api, METRICS, metrics(gauge("g", (1, now), (2, 0))))  # O8
    points = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert (points.rejected_data_points, points.error_message) == (
        1,
        "1 of 2 data points were rejected: data points 1: timestamp is required",
    )
    answer = send(api, LOGS, logs(log(), log(trace_id=b"x")), JSON)
    partial = answer.json()["partialSuccess"]
    assert partial["rejectedLogRecords"] == "1"
    answer = send(api, LOGS, logs(log(time_unix_nano=now - 400 * 86_400 * SECOND)))
    old = ExportLogsServiceResponse.FromString(answer.content).partial_success
    assert old.rejected_log_records == 1
    assert "retention" in old.error_message


@ENCODINGS
def test_a_warning_beside_accepted_points_rejects_none(api: ProjectClient, content_type: str) -> None:
    metric = gauge("g", (1, now_nanos()))
    metric.gauge.data_points[0].exemplars.add(as_double=1, time_unix_nano=now_nanos(), trace_id=b"short")
    answer = send(api, METRICS, metrics(metric), content_type)  # O9
    assert answer.status_code == 200
    if content_type == JSON:
        partial = answer.json()["partialSuccess"]
        assert int(partial.get("rejectedDataPoints", "0")) == 0
        message = partial["errorMessage"]
    else:
        success = ExportMetricsServiceResponse.FromString(answer.content).partial_success
        assert success.rejected_data_points == 0
        message = success.error_message
    assert "trace_id must have 16 bytes" in message
    assert stored_count(api, METRICS) == 1


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (PROTOBUF, b"\xff\xff\xff"),
        (PROTOBUF, traces().SerializeToString()[:-1]),
        (JSON, b"[]"),
        (JSON, b"nonsense"),
        (JSON, b'{"resourceSpans": {}}'),
        (JSON, b"[" * 100_000),
        (JSON, '{"a":"\udc80"}'.encode("utf-8", "surrogatepass")),
    ],
)
def test_what_cannot_be_decoded_is_a_400_in_the_encoding_it_came_in(
    api: ProjectClient, content_type: str, body: bytes
) -> None:
    answer = send_raw(api, TRACES, body, content_type)  # O10
    assert (answer.status_code, answer["Content-Type"]) == (400, content_type)
    status = status_of(answer)
    assert status.message
    if content_type == PROTOBUF:
        assert [detail.type_url for detail in status.details] == ["type.googleapis.com/google.rpc.BadRequest"]
    else:
        (detail,) = answer.json()["details"]
        assert detail["fieldViolations"][0]["description"] == status.message


@ENCODINGS
def test_a_store_that_is_away_is_a_503_and_never_a_partial_success(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch, content_type: str
) -> None:
    send(api, TRACES, traces(span()))
    # One span is good and one is not: still nothing but a 503, or the good one would be lost.
    request = traces(span(), span(trace_id=b"short"))
    close_writer()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "/nonexistent")
        answer = send(api, TRACES, request, content_type)  # O11, O23
    assert (answer.status_code, answer["Content-Type"]) == (503, content_type)
    assert int(answer["Retry-After"]) >= 1
    assert "try again" in status_of(answer).message
    assert send(api, TRACES, request, content_type).status_code == 200


@ENCODINGS
def test_a_client_over_its_quota_is_told_when_to_come_back(project: Project, content_type: str) -> None:
    slow = client_of(project, rate_limit_per_second=1)
    answers = [send(slow, LOGS, logs(log()), content_type) for _ in range(3)]
    assert answers[-1].status_code == 429  # O12
    assert int(answers[-1]["Retry-After"]) >= 1
    assert status_of(answers[-1]).message


@ENCODINGS
def test_too_much_is_a_413_before_and_after_inflating(api: ProjectClient, content_type: str) -> None:
    bomb = gzip.compress(bytes(MAX_INFLATED_BYTES + 1))
    large = send_raw(api, TRACES, bytes(20_000_001), content_type)  # O13
    inflated = send_raw(api, TRACES, bomb, content_type, HTTP_CONTENT_ENCODING="gzip")
    for answer in (large, inflated):
        assert (answer.status_code, answer["Content-Type"]) == (413, content_type)
        assert "50 MB" in status_of(answer).message


@ENCODINGS
def test_more_than_ten_thousand_records_are_a_413(api: ProjectClient, content_type: str) -> None:
    metric = gauge("g")
    metric.gauge.data_points.extend([gauge("g", (1, 1)).gauge.data_points[0]] * 10_001)
    answer = send(api, METRICS, metrics(metric), content_type)
    assert answer.status_code == 413
    assert "10,000 records" in status_of(answer).message


@ENCODINGS
def test_keys_are_asked_for_in_the_encoding_of_the_request(
    api: ProjectClient, project: Project, content_type: str
) -> None:
    reader = client_of(project, scopes=["read"])
    wrong = send(api, TRACES, traces(span()), content_type, HTTP_AUTHORIZATION="Bearer nobody")  # O14
    none = send(api, TRACES, traces(span()), content_type, HTTP_AUTHORIZATION="")
    unscoped = send(reader, TRACES, traces(span()), content_type)
    assert [answer.status_code for answer in (wrong, none, unscoped)] == [401, 401, 403]
    for answer in (wrong, none, unscoped):
        assert answer["Content-Type"] == content_type
        assert status_of(answer).message
    assert wrong["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", PATHS)
def test_other_methods_are_refused(api: ProjectClient, path: str, method: str) -> None:
    answer = send_raw(api, path, b"", method=method)  # O15
    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert method in status_of(answer).message


def test_unknown_paths_are_not_found(api: ProjectClient) -> None:
    for path in ("/v1/profiles", "/v1development/profiles", "/v1/traces/more"):
        assert send_raw(api, path, b"").status_code == 404  # O15


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "application/xml", ""])
def test_other_content_types_are_refused(api: ProjectClient, content_type: str) -> None:
    answer = send_raw(api, TRACES, traces(span()).SerializeToString(), content_type)  # O16
    assert answer.status_code == 415
    assert PROTOBUF in status_of(answer).message


@pytest.mark.parametrize(
    ("path", "request_of"),
    [
        (TRACES, lambda: traces(span(), span())),
        (METRICS, lambda: metrics(gauge("g", (1, now_nanos())), gauge("h", (2, now_nanos())))),
        (LOGS, lambda: logs(log(), log(body="other"))),
    ],
)
def test_a_batch_that_comes_twice_is_stored_once(api: ProjectClient, path: str, request_of: Any) -> None:
    request = request_of()
    for content_type in (PROTOBUF, JSON, PROTOBUF):
        answer = send(api, path, request, content_type)  # O21
        assert (answer.status_code, answer.content) == (200, b"{}" if content_type == JSON else b"")
    assert stored_count(api, path) == 2


def test_equal_log_records_of_one_batch_are_two(api: ProjectClient) -> None:
    record = log()
    for _ in range(2):
        send(api, LOGS, logs(record, record))
    assert stored_count(api, LOGS) == 2


def test_another_value_at_the_same_time_is_a_conflict(api: ProjectClient) -> None:
    now = now_nanos()
    send(api, METRICS, metrics(gauge("g", (1, now))))
    answer = send(api, METRICS, metrics(gauge("g", (2, now)), gauge("h", (3, now))))
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == 1
    assert "another value" in partial.error_message


@pytest.mark.parametrize("accepted", ["", "gzip", "br, gzip"])
def test_an_answer_is_never_packed_unless_it_was_asked_for(api: ProjectClient, accepted: str) -> None:
    answer = send(api, TRACES, traces(span(trace_id=b"short")), HTTP_ACCEPT_ENCODING=accepted)  # O22
    packed = answer.headers.get("Content-Encoding", "")
    assert packed in (("", "gzip") if accepted else ("",))
    body = gzip.decompress(answer.content) if packed else answer.content
    assert ExportTraceServiceResponse.FromString(body).partial_success.rejected_spans == 1


def test_packed_protobuf_is_answered_in_plain_protobuf(api: ProjectClient) -> None:
    # O24: what a Collector sends by default, and how it finds out what the answer means.
    good = gzip.compress(traces(span()).SerializeToString())
    bad = gzip.compress(b"\xff\xff\xff")
    for body, status in ((good, 200), (bad, 400)):
        answer = send_raw(api, TRACES, body, HTTP_CONTENT_ENCODING="gzip", HTTP_ACCEPT_ENCODING="gzip")
        assert (answer.status_code, answer["Content-Type"]) == (status, PROTOBUF)


def test_a_broken_span_is_rejected_alone(api: ProjectClient) -> None:
    broken = span(attributes={"name": "value"})
    raw = traces(span(), broken).SerializeToString().replace(b"value", b"\xff\xfe\xfd\xfc\xfb")
    answer = send_raw(api, TRACES, raw)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (partial.rejected_spans, stored_count(api, TRACES)) == (1, 1)


def test_an_answer_comes_again_for_its_idempotency_key(api: ProjectClient) -> None:
    request = traces(span(), span(trace_id=b"short"))
    answers = [send(api, TRACES, request, HTTP_IDEMPOTENCY_KEY="k") for _ in range(2)]
    assert answers[0].content == answers[1].content != b""
    assert {answer["Content-Type"] for answer in answers} == {PROTOBUF}


def test_a_resource_that_cannot_be_read_rejects_what_lies_below_it(api: ProjectClient) -> None:
    good, bad = span(), [span(), span()]
    request = traces(*bad, resource={"k": "value"})
    request.MergeFrom(traces(good))
    raw = request.SerializeToString().replace(b"value", b"\xff\xfe\xfd\xfc\xfb")
    answer = send_raw(api, TRACES, raw)
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_spans) == (200, 2)
    assert "resource" in partial.error_message
    assert {row["span_id"] for row in api.results("/api/v1/traces/")} == ids([good])


@pytest.mark.parametrize("spoilt", ["label", "words", "ratio", "origin"])
def test_wrong_utf_8_in_a_metric_rejects_its_points_alone(api: ProjectClient, spoilt: str) -> None:
    """In its name, description or unit, or in its resource."""
    metric = gauge("a.label", (1, now_nanos()), (2, now_nanos() + 1000))
    metric.description, metric.unit = "words", "ratio"
    request = metrics(metric, resource={"k": "origin"})
    request.MergeFrom(metrics(gauge("good", (3, now_nanos()))))
    raw = request.SerializeToString().replace(spoilt.encode(), b"\xff" * len(spoilt))
    answer = send_raw(api, METRICS, raw)
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert (answer.status_code, partial.rejected_data_points) == (200, 2)
    assert partial.error_message.startswith("2 of 3 data points were rejected: data points 0: ")
    assert [point["metric_value"] for point in api.results("/api/v1/metrics")] == [3]


def test_only_data_points_are_called_data_points(api: ProjectClient) -> None:
    metric = gauge("g", (1, now_nanos()), (2, 0))
    metric.gauge.data_points[0].exemplars.add(as_double=1, time_unix_nano=now_nanos(), trace_id=b"short")
    answer = send(api, METRICS, metrics(metric))
    partial = ExportMetricsServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_data_points == 1
    assert partial.error_message == (
        "1 of 2 data points were rejected: data points 1: timestamp is required; "
        "something beside them was not stored: trace_id must have 16 bytes, not 5"
    )


def test_the_exemplar_of_a_rejected_point_is_not_stored(api: ProjectClient) -> None:
    metric = gauge("g", (1, 0))
    metric.gauge.data_points[0].exemplars.add(as_double=1, time_unix_nano=now_nanos())
    send(api, METRICS, metrics(metric))
    assert api.results("/api/v1/metrics/exemplars/") == []
    assert api.results("/api/v1/metrics/series") == []


@pytest.mark.parametrize(
    ("path", "request_of"),
    [
        (TRACES, lambda big: traces(*(span() for _ in range(60)), resource=big)),
        (LOGS, lambda big: logs(*(log() for _ in range(60)), resource=big)),
    ],
)
def test_a_large_resource_of_many_records_is_a_413(api: ProjectClient, path: str, request_of: Any) -> None:
    answer = send(api, path, request_of({"k": "x" * 1_000_000}))
    assert answer.status_code == 413
    assert stored_count(api, path) == 0
