"""Requests of our own for what Prometheus' compliance suite for receivers asks (R19), by the words of its list."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ingest.protocols.remote_write import v1_pb2, v2_pb2
from tests.clients import ProjectClient
from tests.ingest.prometheus.messages import (
    V1,
    V2,
    Labels,
    Request2,
    now_ms,
    request_1,
    send,
    send_raw,
    series_1,
    snappy,
    written,
)

FOLDER = Path(__file__).resolve().parents[4] / "shared" / "data" / "open" / "remote-write"
needs_folder = pytest.mark.skipif(
    not FOLDER.is_dir(), reason=f"the schema and the suite's list of expectations are not at {FOLDER}"
)

Metadata = v2_pb2.Metadata
HISTOGRAM: dict[str, Any] = {"count_int": 5, "sum": 12.5, "schema": 0, "zero_threshold": 1e-128}
POSITIVE = {"positive_spans": [{"offset": 0, "length": 2}], "positive_deltas": [2, -1]}
NEGATIVE = {"negative_spans": [{"offset": 0, "length": 1}], "negative_deltas": [1]}
CUSTOM = {"schema": -53, "custom_values": [1.0, 5.0]}

Case = tuple[int, tuple[int, int, int], Callable[[], Request2]]
"""(status, (samples, histograms, exemplars) written, request)."""


def sample(labels: Labels, value: float = 1.0, *exemplars: Labels, **more: Any) -> Callable[[], Request2]:
    def make() -> Request2:
        request = Request2()
        sent = [(own, value, now_ms()) for own in exemplars]
        request.add(labels, [(value, now_ms())], exemplars=sent, **more)
        return request

    return make


def histogram(**fields: Any) -> Callable[[], Request2]:
    def make() -> Request2:
        request = Request2()
        whole = {**HISTOGRAM, "timestamp": now_ms(), **fields}
        request.add({"__name__": "test_histogram"}, histograms=[v2_pb2.Histogram(**whole)])
        return request

    return make


def alone(*exemplars: Labels, **more: Any) -> Callable[[], Request2]:
    def make() -> Request2:
        request = Request2()
        request.add({"__name__": "orphan"}, exemplars=[(own, 42, now_ms()) for own in exemplars], **more)
        return request

    return make


def described(kind: Any, words: str = "Words.", unit: str = "u") -> Case:
    return 204, (1, 0, 0), sample({"__name__": "described"}, metadata=(kind, words, unit))


REQUESTS = {"__name__": "http_requests_total", "job": "api"}
TRACE = {"trace_id": "abc123def456"}
HELP = (Metadata.METRIC_TYPE_COUNTER, "Total.", "requests")

CASES: dict[str, Case] = {
    "Basic exemplar with trace_id": (204, (1, 0, 1), sample(REQUESTS, 1, TRACE)),
    "Exemplar with trace_id and span_id": (
        204,
        (1, 0, 1),
        sample(REQUESTS, 0.1, {**TRACE, "span_id": "span123"}),
    ),
    "Exemplar with multiple labels": (
        204,
        (1, 0, 1),
        sample(REQUESTS, 0.1, {**TRACE, "user": "a", "path": "/"}),
    ),
    "Exemplar without any labels": (204, (1, 0, 1), sample(REQUESTS, 1, {})),
    "Exemplar with unicode characters": (
        204,
        (1, 0, 1),
        sample({"__name__": "unicode_test", "region": "🌍"}, 100, {"trace_id": "unicode_trace_测试"}),
    ),
    "Test exemplar attached to counter with created timestamp": (
        204,
        (1, 0, 1),
        sample(REQUESTS, 250, TRACE, start_ms=now_ms() - 7_200_000),
    ),
    "Exemplar with empty metric name should be rejected": (
        400,
        (0, 0, 0),
        sample({"__name__": ""}, 1, TRACE),
    ),
    "Exemplar with valid metric name should be accepted": (
        204,
        (1, 0, 1),
        sample({"__name__": "valid"}, 1, TRACE),
    ),
    "Basic histogram with positive, negative and zero buckets": (
        204,
        (0, 1, 0),
        histogram(**POSITIVE, **NEGATIVE, zero_count_int=1),
    ),
    "Histogram with custom bucket values": (204, (0, 1, 0), histogram(**POSITIVE, **CUSTOM, count_int=3)),
    "Histogram with only negative buckets": (204, (0, 1, 0), histogram(**NEGATIVE, count_int=1)),
    "Minimal histogram with only zero bucket": (204, (0, 1, 0), histogram(zero_count_int=5)),
    "Test histogram with created timestamp": (
        204,
        (0, 1, 0),
        histogram(zero_count_int=5, start_timestamp=now_ms() - 1_800_000),
    ),
    "Counter metadata with help and unit": described(Metadata.METRIC_TYPE_COUNTER),
    "Histogram metadata with help and unit": described(Metadata.METRIC_TYPE_HISTOGRAM),
    "Metadata without help or unit strings": described(Metadata.METRIC_TYPE_COUNTER, "", ""),
    "Metadata with unspecified metric type": described(Metadata.METRIC_TYPE_UNSPECIFIED),
    "Info type metadata": described(Metadata.METRIC_TYPE_INFO),
    "Summary type metadata": described(Metadata.METRIC_TYPE_SUMMARY),
    "Gauge histogram type metadata": described(Metadata.METRIC_TYPE_GAUGEHISTOGRAM),
    "Metadata without __name__ label should be rejected": (
        400,
        (0, 0, 0),
        sample({"job": "x"}, metadata=HELP),
    ),
    "Metadata with empty metric name should be rejected": (
        400,
        (0, 0, 0),
        sample({"__name__": ""}, metadata=HELP),
    ),
    "Test counter with created timestamp set in the past": (
        204,
        (1, 0, 0),
        sample(REQUESTS, 150, start_ms=now_ms() - 3_600_000),
    ),
    # The suite would like these stored; the specification wants samples or histograms in every series (R15).
    "Metadata sent without corresponding samples or histograms": (400, (0, 0, 0), alone(metadata=HELP)),
    "Exemplars sent without corresponding samples or histograms": (400, (0, 0, 0), alone(TRACE)),
}

ELSEWHERE = {
    "Test single metric samples with different float values including special values (NaN, Inf)",
    "Test that unsupported content types are rejected with 415 status",
    "Test that unsupported content encodings are rejected with 415 status",
    "RW2 receivers may accept RW1 sample requests with basic content-type",
    "RW2 receivers may handle malformed RW1 requests appropriately",
}
"""In test_answers and test_entries."""


@pytest.mark.parametrize("expectation", CASES)
def test_a_request_of_the_suite_is_answered_as_it_expects(api: ProjectClient, expectation: str) -> None:
    status, counts, make = CASES[expectation]
    answer = send(api, make().body(), V2)  # R19
    assert (answer.status_code, written(answer)) == (status, counts), answer.content


@pytest.mark.parametrize("version", [V1, V2])
def test_a_corrupt_body_is_refused(api: ProjectClient, version: str) -> None:
    body = snappy(request_1(series_1(REQUESTS, [(1, now_ms())])))
    assert send_raw(api, b"\xff" + body[1:], version).status_code == 400
    assert send_raw(api, b"0" + body[1:], version).status_code == 400


@needs_folder
def test_no_expectation_of_the_suite_is_left_out() -> None:
    with (FOLDER / "receiver_expectations.tsv").open() as file:
        listed = {row["expectation"] for row in csv.DictReader(file, delimiter="\t")}
    assert listed - ELSEWHERE == set(CASES)


@needs_folder
@pytest.mark.parametrize(
    ("files", "ours"),
    [
        (["remote.proto", "types.proto"], v1_pb2),
        (["io/prometheus/write/v2/types.proto"], v2_pb2),
    ],
)
def test_our_messages_have_the_fields_of_the_published_ones(files: list[str], ours: Any) -> None:
    published = [
        found
        for name in files
        for found in fields_of((FOLDER / "prompb" / name).read_text())
        if found[0] in ours.DESCRIPTOR.message_types_by_name
    ]
    own = [
        (message.name, "repeated" if field.is_repeated else "", field.name, field.number)
        for message in ours.DESCRIPTOR.message_types_by_name.values()
        for field in message.fields
    ]
    assert sorted(own) == sorted(published)


def fields_of(proto: str) -> list[tuple[str, str, str, int]]:
    """(message, "repeated" or "", field, number) of each field in a .proto file."""
    found = []
    message = ""
    for line in proto.splitlines():
        if begun := re.match(r"message (\w+)", line):
            message = begun[1]
        elif field := re.match(r"\s+(repeated )?[\w.]+ (\w+)\s*=\s*(\d+)\s*(?:\[.*\])?;", line):
            found.append((message, (field[1] or "").strip(), field[2], int(field[3])))
    return found
