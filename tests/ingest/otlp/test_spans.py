"""OTLP spans, read back through the API."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.protobuf.message import Message
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.clients import ProjectClient
from tests.ingest.otlp.messages import (
    JSON,
    PROTOBUF,
    SECOND,
    TRACES,
    attributes,
    now_nanos,
    send,
    span,
    stored,
    traces,
)


def the_span(api: ProjectClient, request: Message) -> Any:
    stored(api, TRACES, request)
    (row,) = api.results("/api/v1/traces/")
    return row


def row_with(api: ProjectClient, **values: Any) -> Any:
    """A stored span with these attributes."""
    return the_span(api, traces(span(attributes=values)))


EVERY_KIND: dict[str, Any] = {
    "http.request.method": "GET",
    "url.full": "https://shop.example.com/cart?x=1",
    "http.response.status_code": 503,
    "user.id": "u-7",
    "text": "x",
    "flag": True,
    "number": -(2**62),
    "double": 0.5,
    "list": ["a", 1, [False]],
    "map": {"inner": {"deep": 1}},
}


@pytest.mark.parametrize("content_type", [PROTOBUF, JSON])
def test_a_span_is_stored_field_by_field(api: ProjectClient, content_type: str) -> None:
    start = now_nanos() - SECOND
    linked, parent = os.urandom(16), os.urandom(8)
    sent = span(
        parent_span_id=parent,
        start_time_unix_nano=start + 999,
        end_time_unix_nano=start + 999 + 1_234_567,
        kind=Span.SPAN_KIND_SERVER,
        trace_state="vendor=1",
        attributes=EVERY_KIND | {"bytes": b"\x00\xff"},
        status=Status(code=Status.STATUS_CODE_ERROR, message="no stock"),
        events=[
            Span.Event(
                time_unix_nano=start + 5000, name="exception", attributes=attributes({"message": "boom"})
            )
        ],
        links=[Span.Link(trace_id=linked, span_id=parent, attributes=attributes({"why": "batch"}))],
        dropped_attributes_count=3,
        dropped_events_count=0,
    )
    answer = send(api, TRACES, traces(sent), content_type)
    assert answer.status_code == 200
    (row,) = api.results("/api/v1/traces/")
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=start // 1000)
    assert datetime.fromisoformat(row.pop("start_time")) == moment
    assert datetime.fromisoformat(row["events"][0].pop("timestamp")) == moment + timedelta(microseconds=5)
    row.pop("received_at")
    assert row == {
        "trace_id": sent.trace_id.hex(),
        "span_id": sent.span_id.hex(),
        "parent_span_id": parent.hex(),
        "service_name": "checkout",
        "operation_name": "GET /cart",
        "kind": "server",
        "status": "error",
        "duration_ms": 1.234567,
        "http_method": "GET",
        "http_url": "https://shop.example.com/cart?x=1",
        "http_status_code": 503,
        "user_id": "u-7",
        "tags": {
            "service.name": "checkout",
            "host.name": "web-1",
            "service.instance.id": "7",
            "cloud.region": "eu",
            "otel.scope.name": "shop.http",
            "otel.scope.version": "2.1",
            "otel.status_description": "no stock",
            "otel.dropped_attributes_count": 3,
            "w3c.tracestate": "vendor=1",
            **EVERY_KIND,
            "bytes": "AP8=",
        },
        "events": [{"name": "exception", "attributes": {"message": "boom"}}],
        "links": [{"trace_id": linked.hex(), "span_id": parent.hex(), "attributes": {"why": "batch"}}],
    }


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"http.request.method": "GET", "http.method": "POST"}, ("GET", None, None)),
        (
            {"http.method": "POST", "http.url": "http://a/b", "http.status_code": 404},
            ("POST", "http://a/b", 404),
        ),
        ({"url.path": "/cart", "url.query": "x=1"}, (None, "/cart?x=1", None)),
        ({"url.path": "/cart"}, (None, "/cart", None)),
        ({"http.target": "/cart?y=2", "http.status_code": "200"}, (None, "/cart?y=2", 200)),
        ({"http.response.status_code": 0, "http.url": ""}, (None, None, None)),
        ({"http.status_code": 70_000}, (None, None, None)),
        ({"http.status_code": "many"}, (None, None, None)),
    ],
)
def test_http_columns_come_from_new_and_old_names(
    api: ProjectClient, values: dict[str, Any], expected: tuple[Any, ...]
) -> None:
    row = row_with(api, **values)
    assert (row["http_method"], row["http_url"], row["http_status_code"]) == expected
    assert values.items() <= row["tags"].items()


def test_databases_are_found_under_their_new_names_whichever_they_came_with(api: ProjectClient) -> None:
    older = span(attributes={"db.system": "mssql", "db.name": "shop", "db.statement": "SELECT 1"})
    newer = span(
        attributes={
            "db.system.name": "microsoft.sql_server",
            "db.namespace": "shop",
            "db.query.text": "SELECT 1",
        }
    )
    stored(api, TRACES, traces(older, newer))
    found = api.results("/api/v1/traces/?tags.db.system.name=microsoft.sql_server&tags.db.namespace=shop")
    assert {row["span_id"] for row in found} == {older.span_id.hex(), newer.span_id.hex()}
    assert any(row["tags"].get("db.system") == "mssql" for row in found)


def test_a_database_named_by_a_list_is_kept_as_it_is(api: ProjectClient) -> None:
    tags = row_with(api, **{"db.system": ["mssql"]})["tags"]
    assert (tags["db.system"], tags["db.system.name"]) == (["mssql"], ["mssql"])


@pytest.mark.parametrize(
    ("field", "value", "place", "expected"),
    [
        ("trace_state", "vendor=1", "w3c.tracestate", "vendor=1"),
        ("dropped_attributes_count", 1, "otel.dropped_attributes_count", 1),
        ("dropped_events_count", 2, "otel.dropped_events_count", 2),
        ("dropped_links_count", 3, "otel.dropped_links_count", 3),
        (
            "events",
            [Span.Event()],
            "events",
            [{"name": "", "timestamp": "1970-01-01T00:00:00.000000Z", "attributes": {}}],
        ),
        ("links", [Span.Link()], "links", [{"trace_id": None, "span_id": None, "attributes": {}}]),
    ],
)
def test_what_few_spans_have_is_kept_where_it_comes_alone(
    api: ProjectClient, field: str, value: Any, place: str, expected: Any
) -> None:
    row = the_span(api, traces(span(**{field: value})))
    assert {**row, **row["tags"]}[place] == expected


def test_fields_of_later_versions_do_no_harm(api: ProjectClient) -> None:
    whole = span(attributes={"k": "v"})
    later = Span.FromString(whole.SerializeToString() + b"\x92\x3f\x03new")
    assert the_span(api, traces(later))["tags"]["k"] == "v"


def test_a_span_without_tags_has_an_empty_object(api: ProjectClient) -> None:
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.append(span(attributes={}))
    assert the_span(api, request)["tags"] == {}


def test_only_the_spans_with_a_nul_are_rejected_and_not_those_that_spell_it(api: ProjectClient) -> None:
    sent = [span(attributes={"k": text}) for text in ["a", "a\0b", r"\u0000", r"a\\u0000"] * 5]
    answer = send(api, TRACES, traces(*sent))
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 5
    assert "tags holds a NUL" in partial.error_message
    assert {row["tags"]["k"] for row in api.results("/api/v1/traces/")} == {"a", r"\u0000", r"a\\u0000"}


def test_a_span_goes_before_its_resource_and_both_are_kept(api: ProjectClient) -> None:
    tags = row_with(api, **{"cloud.region": "us", "host.name": "web-1"})["tags"]
    assert (tags["cloud.region"], tags["resource.cloud.region"]) == ("us", "eu")
    assert "resource.host.name" not in tags


@pytest.mark.parametrize("resource", [{}, {"service.name": ""}])
def test_a_service_without_a_name_is_unknown(api: ProjectClient, resource: dict[str, str]) -> None:
    assert the_span(api, traces(span(), resource=resource))["service_name"] == "unknown_service"


def test_long_names_are_cut_and_kept_whole_among_the_tags(api: ProjectClient) -> None:
    name, url, user = "n" * 201, "u" * 9000, "p" * 201
    row = the_span(api, traces(span(name=name, attributes={"url.full": url, "user.id": user})))
    assert row["operation_name"] == "n" * 199 + "…"
    assert row["tags"]["operation_name"] == name
    assert (len(row["http_url"]), row["tags"]["url.full"]) == (8192, url)
    assert (row["user_id"], row["tags"]["user.id"]) == (None, user)


@pytest.mark.parametrize("kind", range(7))
def test_kinds(api: ProjectClient, kind: Any) -> None:
    expected = ["internal", "internal", "server", "client", "producer", "consumer", "internal"]
    assert the_span(api, traces(span(kind=kind)))["kind"] == expected[kind]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"trace_id": b""}, "trace_id must have 16 bytes"),
        ({"trace_id": bytes(16)}, "trace_id must not be all zeros"),
        ({"span_id": b"1234567"}, "span_id must have 8 bytes"),
        ({"parent_span_id": b"x"}, "parent_span_id must have 8 bytes"),
        ({"name": ""}, "no name"),
        ({"start_time_unix_nano": 0}, "start_time is required"),
        ({"start_time_unix_nano": 2**64 - 1}, "the span ends before it starts"),
        ({"start_time_unix_nano": 5, "end_time_unix_nano": 9}, "retention"),
        ({"links": [Span.Link(trace_id=b"x", span_id=b"12345678")]}, "links must have 16 bytes"),
        ({"name": "a\0b"}, "NUL"),
        ({"attributes": {"k": "a\0b"}}, "NUL"),
        ({"attributes": {"k": ["x" * 4_000_000]}}, "4,000,000 bytes"),
    ],
)
def test_a_bad_span_is_rejected_with_its_reason(api: ProjectClient, fields: Any, reason: str) -> None:
    good = span()
    answer = send(api, TRACES, traces(span(**fields), good))
    assert answer.status_code == 200
    partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
    assert partial.rejected_spans == 1
    assert partial.error_message.startswith("1 of 2 spans were rejected: spans 0: ")
    assert reason in partial.error_message
    assert [row["span_id"] for row in api.results("/api/v1/traces/")] == [good.span_id.hex()]


@pytest.mark.parametrize("size", [0, 1])
def test_a_link_to_nowhere_keeps_its_attributes(api: ProjectClient, size: int) -> None:
    link = Span.Link(trace_id=bytes(16 * size), span_id=bytes(8 * size), attributes=attributes({"k": "v"}))
    stored(api, TRACES, traces(span(links=[link])))
    (found,) = api.results("/api/v1/traces/")
    assert found["links"] == [{"trace_id": None, "span_id": None, "attributes": {"k": "v"}}]


def test_a_trace_is_found_and_shown_as_a_tree(api: ProjectClient) -> None:
    trace_id = os.urandom(16)
    root = span(trace_id=trace_id, name="checkout", kind=Span.SPAN_KIND_SERVER)
    child = span(
        trace_id=trace_id,
        parent_span_id=root.span_id,
        name="SELECT carts",
        start_time_unix_nano=root.start_time_unix_nano + 1000,
        end_time_unix_nano=root.start_time_unix_nano + 1000 + 40_000_000,
        status=Status(code=Status.STATUS_CODE_ERROR),
        attributes={"db.system.name": "postgresql", "retries": 2},
    )
    stored(api, TRACES, traces(root, child, span(name="other")))
    for query in (
        "operation_name=SELECT+carts",
        "min_duration_ms=39&max_duration_ms=41",
        "status=error",
        "tags.db.system.name=postgresql",
        f"trace_id={trace_id.hex()}&service_name=checkout&tags.retries=2",
    ):
        (row,) = api.results(f"/api/v1/traces/?{query}")
        assert row["span_id"] == child.span_id.hex(), query
    assert len(api.results(f"/api/v1/traces/?trace_id={trace_id.hex()}")) == 2
    tree = api.get(f"/api/v1/traces/{trace_id.hex()}/").json()
    assert (tree["span_count"], [one["operation_name"] for one in tree["roots"]]) == (2, ["checkout"])
    assert [one["operation_name"] for one in tree["roots"][0]["children"]] == ["SELECT carts"]
