"""Spans go in, through HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from projects.models import Project
from tests.clients import ProjectClient, client_of, counts, places

TRACES = "/api/v1/traces"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)


def span(span_id: str = "00f067aa0ba902b7", **fields: Any) -> dict[str, Any]:
    return {
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "span_id": span_id,
        "service_name": "api",
        "operation_name": "GET /orders",
        "start_time": MOMENT.isoformat(),
        "duration_ms": 12.5,
        **fields,
    }


def test_a_posted_span_is_read_back_with_everything_it_carried(api: ProjectClient) -> None:
    sent = span(
        parent_span_id="b7ad6b7169203331",
        kind="server",
        status="error",
        http_method="GET",
        http_url="https://shop.example/orders?page=1",
        http_status_code=503,
        user_id="u1",
        tags={"region": "eu", "retry": {"count": 2}},
    )
    assert counts(api.post(TRACES, {"spans": [sent]})) == (1, 0, 0)
    (stored,) = api.results(TRACES + "/")
    assert datetime.fromisoformat(stored["start_time"]) == MOMENT
    sent.pop("start_time")
    assert {name: stored[name] for name in sent} == sent
    assert (stored["events"], stored["links"]) == ([], [])


def test_what_a_span_does_not_say_has_its_default(api: ProjectClient) -> None:
    api.post(TRACES, {"spans": [span(parent_span_id="", user_id=7)]})
    (stored,) = api.results(TRACES)
    assert (stored["kind"], stored["status"], stored["tags"]) == ("internal", "unset", {})
    assert (stored["parent_span_id"], stored["user_id"]) == (None, "7")


def test_good_spans_are_stored_and_bad_ones_named_and_a_second_try_stores_none(api: ProjectClient) -> None:
    batch = [span("a"), span("b", kind="sideways"), span("c"), {"trace_id": "t"}, span("d")]
    first = api.post(TRACES, {"spans": batch})
    assert counts(first) == (3, 0, 2)
    assert places(first) == [(1, "kind", "invalid"), (3, "span_id", "required")]
    assert counts(api.post(TRACES, {"spans": batch})) == (0, 3, 2)
    assert len(api.results(TRACES)) == 3


BAD_FIELDS: list[tuple[str, Any, str]] = [
    ("trace_id", "", "invalid"),
    ("trace_id", "x" * 65, "invalid"),
    ("trace_id", "a b", "invalid"),
    ("trace_id", "abc\n", "invalid"),
    ("span_id", "\u0661", "invalid"),
    ("span_id", 5, "invalid"),
    ("parent_span_id", "a/b", "invalid"),
    ("service_name", "", "invalid"),
    ("operation_name", None, "invalid"),
    ("start_time", "yesterday", "invalid"),
    ("start_time", 1e300, "invalid"),
    ("start_time", 1_400_000_000, "too_old"),
    ("start_time", "2999-01-01T00:00:00Z", "in_future"),
    ("duration_ms", -1, "invalid"),
    ("duration_ms", "1", "invalid"),
    ("status", "OK", "invalid"),
    ("http_status_code", 99, "invalid"),
    ("http_status_code", 600, "invalid"),
    ("http_status_code", 200.5, "invalid"),
    ("http_url", "x" * 8193, "invalid"),
    ("http_method", "a\0b", "nul"),
    ("tags", {"a": ["\0"]}, "nul"),
    ("tags", [1], "invalid"),
    ("events", [], "unknown_field"),
]


@pytest.mark.parametrize(("field", "value", "code"), BAD_FIELDS)
def test_a_span_that_cannot_be_stored_is_its_own_error(
    api: ProjectClient, field: str, value: Any, code: str
) -> None:
    answer = api.post(TRACES, {"spans": [span("a"), {**span("b"), field: value}]})
    assert counts(answer) == (1, 0, 1)
    assert places(answer) == [(1, field, code)]


@pytest.mark.parametrize("body", [b"", b"[]", b'{"events": []}', b'{"spans": {}}', b'{"spans": [NaN]}'])
def test_what_is_not_of_the_shape_is_400(api: ProjectClient, body: bytes) -> None:
    assert api.post(TRACES, body).status_code == 400


def test_hexadecimal_ids_are_one_in_either_case(api: ProjectClient) -> None:
    upper = span("ABCDEF", trace_id="4BF92F35", parent_span_id="FF")
    lower = span("abcdef", trace_id="4bf92f35", parent_span_id="ff")
    assert counts(api.post(TRACES, {"spans": [upper, lower]})) == (1, 1, 0)
    (stored,) = api.results(f"{TRACES}?trace_id=4Bf92f35")
    assert (stored["trace_id"], stored["span_id"], stored["parent_span_id"]) == ("4bf92f35", "abcdef", "ff")


def test_other_ids_keep_their_case(api: ProjectClient) -> None:
    assert counts(api.post(TRACES, {"spans": [span("Span_X-1"), span("span_x-1")]})) == (2, 0, 0)


def test_equal_spans_of_two_projects_do_not_disturb_each_other(
    api: ProjectClient, other_api: ProjectClient
) -> None:
    assert counts(api.post(TRACES, {"spans": [span(service_name="mine")]})) == (1, 0, 0)
    assert counts(other_api.post(TRACES, {"spans": [span(service_name="theirs")]})) == (1, 0, 0)
    assert [row["service_name"] for row in api.results(TRACES)] == ["mine"]
    assert [row["service_name"] for row in other_api.results(TRACES)] == ["theirs"]


def test_scopes_part_sending_from_reading(project: Project) -> None:
    sender, reader = client_of(project, ["ingest"]), client_of(project, ["read"])
    assert sender.post(TRACES, {"spans": [span()]}).status_code == 202
    assert reader.post(TRACES, {"spans": [span()]}).status_code == 403
    assert (sender.get(TRACES).status_code, reader.get(TRACES).status_code) == (403, 200)
