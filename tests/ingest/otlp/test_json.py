"""OTLP's JSON: protobuf's mapping with exceptions of its own (O17 to O20)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from tests.clients import ProjectClient
from tests.ingest.otlp.messages import JSON, LOGS, METRICS, SECOND, TRACES, now_nanos, send_raw, status_of

TRACE_ID = "5B8efff798038103d269b633813FC60c"
SPAN_ID = "EEE19b7ec3c1b174"


def span(**members: Any) -> dict[str, Any]:
    now = now_nanos()
    return {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "name": "GET /cart",
        "startTimeUnixNano": str(now - SECOND),
        "endTimeUnixNano": str(now),
        **members,
    }


def body_of(*spans: Any) -> bytes:
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


def the_span(api: ProjectClient, **members: Any) -> Any:
    """How it is stored."""
    answer = send_raw(api, TRACES, body_of(span(**members)), JSON)
    assert (answer.status_code, answer.content) == (200, b"{}"), answer.content
    (row,) = api.results("/api/v1/traces/")
    return row


def refused(api: ProjectClient, **members: Any) -> Any:
    """Why the whole request is: nothing of it was stored."""
    answer = send_raw(api, TRACES, body_of(span(spanId="0102030405060708"), span(**members)), JSON)
    assert answer.status_code == 400, answer.content
    assert api.results("/api/v1/traces/") == []
    return status_of(answer).message


def test_ids_are_hexadecimal_in_any_case(api: ProjectClient) -> None:
    row = the_span(api, parentSpanId="EEE19B7EC3C1B173")  # O17
    assert (row["trace_id"], row["span_id"], row["parent_span_id"]) == (
        TRACE_ID.lower(),
        SPAN_ID.lower(),
        "eee19b7ec3c1b173",
    )


@pytest.mark.parametrize(
    "trace_id",
    [
        base64.b64encode(bytes.fromhex(TRACE_ID)).decode(),
        "!!!",
        "abc",
        "é" * 32,
        7,
        ["ab"],
        f" {TRACE_ID[1:]}",
    ],
)
def test_ids_in_anything_else_are_refused(api: ProjectClient, trace_id: Any) -> None:
    assert "spans[1].traceId" in refused(api, traceId=trace_id)  # O17


def test_an_id_of_another_length_rejects_its_span(api: ProjectClient) -> None:
    answer = send_raw(api, TRACES, body_of(span(), span(traceId="abcd")), JSON)
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"


@pytest.mark.parametrize("text", ["+/+/Ag==", "-_-_Ag", "+/+/Ag"])
def test_other_bytes_are_base64(api: ProjectClient, text: str) -> None:
    row = the_span(api, attributes=[{"key": "b", "value": {"bytesValue": text}}])  # O17
    assert row["tags"]["b"] == "+/+/Ag=="


@pytest.mark.parametrize("kind", ["SPAN_KIND_SERVER", "2", 2.5, True, [2]])
def test_enums_are_integers_only(api: ProjectClient, kind: Any) -> None:
    assert "spans[1].kind" in refused(api, kind=kind)  # O18


def test_the_integer_of_an_enum_is_read(api: ProjectClient) -> None:
    row = the_span(api, kind=2, status={"code": 2, "message": "no stock"})
    assert (row["kind"], row["status"]) == ("server", "error")
    assert row["tags"]["otel.status_description"] == "no stock"


def test_unknown_members_are_left_alone_and_snake_case_is_unknown(api: ProjectClient) -> None:
    row = the_span(
        api, parent_span_id="zz", invented={"deep": [1]}, trace_state="a=b", traceState=None
    )  # O19
    assert row["parent_span_id"] is None
    assert "w3c.tracestate" not in row["tags"]


@pytest.mark.parametrize("kind", [int, str, float])
def test_64_bit_integers_travel_as_numbers_and_texts(api: ProjectClient, kind: Any) -> None:
    start = 1_800_000_000_000_000_000 if kind is float else now_nanos() - SECOND
    start = now_nanos() // 2**12 * 2**12 if kind is float else start
    values = [{"key": "n", "value": {"intValue": kind(-5)}}] if kind is not float else []
    row = the_span(
        api, startTimeUnixNano=kind(start), endTimeUnixNano=str(start + 1_500_000), attributes=values
    )  # O20
    assert row["duration_ms"] == 1.5
    assert row["tags"].get("n", -5) == -5


@pytest.mark.parametrize("number", ["", "1e3", "0x1", "1_0", "-1", str(2**64), "१", 1.5, -1, 2**64, True, {}])
def test_other_numbers_are_refused_by_place(api: ProjectClient, number: Any) -> None:
    assert "spans[1].startTimeUnixNano" in refused(api, startTimeUnixNano=number)


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"name": 5}, "name"),
        ({"attributes": {}}, "attributes"),
        ({"attributes": ["x"]}, "attributes[0]"),
        ({"attributes": [{"key": "k", "value": {"boolValue": 1}}]}, "attributes[0].value.boolValue"),
        ({"attributes": [{"key": "k", "value": {"bytesValue": "*"}}]}, "attributes[0].value.bytesValue"),
        ({"attributes": [{"key": "k", "value": {"boolValue": True, "intValue": 1}}]}, "attributes[0].value"),
        ({"status": []}, "status"),
    ],
)
def test_a_member_of_a_wrong_type_is_refused_by_place(
    api: ProjectClient, members: dict[str, Any], place: str
) -> None:
    assert f"spans[1].{place}" in refused(api, **members)


def test_nesting_has_an_end(api: ProjectClient) -> None:
    value: dict[str, Any] = {"stringValue": "bottom"}
    for _ in range(60):
        value = {"arrayValue": {"values": [value]}}
    assert "100 levels" in refused(api, attributes=[{"key": "k", "value": value}])


def test_numbers_that_json_does_not_have_travel_as_texts(api: ProjectClient) -> None:
    now = str(now_nanos())
    points = [
        {
            "timeUnixNano": now,
            "asDouble": value,
            "attributes": [{"key": "k", "value": {"stringValue": value}}],
        }
        for value in ("Infinity", "-Infinity", "NaN", "1.5")
    ]
    body = {
        "resourceMetrics": [{"scopeMetrics": [{"metrics": [{"name": "g", "gauge": {"dataPoints": points}}]}]}]
    }
    answer = send_raw(api, METRICS, json.dumps(body).encode(), JSON)
    assert (answer.status_code, answer.content) == (200, b"{}")
    rows = api.results("/api/v1/metrics/")
    assert {row["tags"]["k"] for row in rows} == {"Infinity", "-Infinity", "NaN", "1.5"}


def test_texts_that_end_in_half_a_character_are_refused(api: ProjectClient) -> None:
    answer = send_raw(api, LOGS, b'{"resourceLogs":[{"schemaUrl":"\\ud800"}]}', JSON)
    assert answer.status_code == 400
