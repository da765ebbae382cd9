"""OTLP log records, read back as events through the API."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from tests.clients import ProjectClient
from tests.ingest.otlp.messages import JSON, LOGS, PROTOBUF, SECOND, log, logs, now_nanos, send, stored


def the_event(api: ProjectClient, record: LogRecord, **resource: Any) -> dict[str, Any]:
    stored(api, LOGS, logs(record, **resource))
    (row,) = api.results("/api/v1/events/")
    return row


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
def test_a_log_record_is_stored_field_by_field(api: ProjectClient, content_type: str) -> None:
    nanos, trace_id, span_id = now_nanos() - SECOND, os.urandom(16), os.urandom(8)
    record = log(
        time_unix_nano=nanos,
        observed_time_unix_nano=nanos + SECOND,
        severity_number=18,
        severity_text="ERROR2",
        body="card declined",
        trace_id=trace_id,
        span_id=span_id,
        attributes={"user.id": 42, "session.id": "s-1", "card": "visa"},
    )
    assert send(api, LOGS, logs(record), content_type).status_code == 200
    (row,) = api.results("/api/v1/events/?event_type=log&severity=error&properties.body=card+declined")
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=nanos // 1000)
    assert datetime.fromisoformat(row["timestamp"]) == moment
    assert (row["event_name"], row["event_type"], row["source"]) == ("log", "log", "checkout")
    assert (row["trace_id"], row["span_id"]) == (trace_id.hex(), span_id.hex())
    assert (row["user_id"], row["session_id"]) == ("42", "s-1")
    assert row["properties"] == {"body": "card declined"}
    assert row["tags"] == {
        "service.name": "checkout",
        "host.name": "web-1",
        "service.instance.id": "7",
        "cloud.region": "eu",
        "otel.scope.name": "shop.http",
        "otel.scope.version": "2.1",
        "user.id": 42,
        "session.id": "s-1",
        "card": "visa",
        "severity_number": 18,
        "severity_text": "ERROR2",
    }


@pytest.mark.parametrize(
    ("number", "text", "severity", "kept"),
    [
        (1, "", "trace", {}),
        (5, "DEBUG", "debug", {}),
        (9, "Information", "info", {"severity_text": "Information"}),
        (13, "WARN", "warning", {"severity_text": "WARN"}),
        (17, "error", "error", {}),
        (24, "", "fatal", {"severity_number": 24}),
        (0, "Notice", "notice", {}),
        (0, "", None, {}),
    ],
)
def test_severities(api: ProjectClient, number: int, text: str, severity: str | None, kept: Any) -> None:
    row = the_event(api, log(severity_number=number, severity_text=text))
    assert row["severity"] == severity
    assert {name: row["tags"].get(name) for name in kept} == kept


@pytest.mark.parametrize(
    ("body", "properties"),
    [
        ("text", {"body": "text"}),
        ("", {"body": ""}),
        ({"order": 7, "lines": [1, 2]}, {"order": 7, "lines": [1, 2]}),
        ([1, "a"], {"body": [1, "a"]}),
        (5, {"body": 5}),
        (None, {}),
    ],
)
def test_a_structured_body_is_the_properties_and_any_other_is_one_of_them(
    api: ProjectClient, body: Any, properties: dict[str, Any]
) -> None:
    assert the_event(api, log(body=body))["properties"] == properties


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"event_name": "user.login", "attributes": {"event.name": "older"}}, "user.login"),
        ({"attributes": {"event.name": "user.logout"}}, "user.logout"),
        ({}, "log"),
    ],
)
def test_events_have_their_names(api: ProjectClient, fields: Any, name: str) -> None:
    row = the_event(api, log(**fields))
    assert (row["event_name"], row["event_type"]) == (name, "log")


def test_the_time_of_observation_counts_where_there_is_no_other(api: ProjectClient) -> None:
    nanos = now_nanos() - 60 * SECOND
    row = the_event(api, log(time_unix_nano=0, observed_time_unix_nano=nanos))
    assert datetime.fromisoformat(row["timestamp"]).timestamp() == pytest.approx(nanos / SECOND, abs=1e-5)


def test_without_any_time_each_record_is_new(api: ProjectClient) -> None:
    record = log(time_unix_nano=0)
    for _ in range(2):
        stored(api, LOGS, logs(record))
    assert len(api.results("/api/v1/events/")) == 2


def test_the_same_record_of_another_service_is_another_one(api: ProjectClient) -> None:
    record = log()
    for service in ("a", "b"):
        stored(api, LOGS, logs(record, resource={"service.name": service}))
    assert {row["source"] for row in api.results("/api/v1/events/")} == {"a", "b"}


def test_logs_of_a_trace_are_found_by_its_id(api: ProjectClient) -> None:
    trace_id = os.urandom(16)
    stored(api, LOGS, logs(log(trace_id=trace_id), log(trace_id=bytes(16)), log()))
    (row,) = api.results(f"/api/v1/events/?trace_id={trace_id.hex().upper()}")
    assert row["trace_id"] == trace_id.hex()
