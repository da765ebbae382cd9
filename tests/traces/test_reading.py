"""Spans are read back by filters and in keyset pages, traces as trees."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.clients import ProjectClient

TRACES = "/api/v1/traces"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)


def send(api: ProjectClient, *spans: dict[str, Any]) -> None:
    batch = [
        {
            "trace_id": "t1",
            "span_id": f"s{number}",
            "service_name": "api",
            "operation_name": "GET /orders",
            "start_time": MOMENT.isoformat(),
            "duration_ms": number,
            **fields,
        }
        for number, fields in enumerate(spans)
    ]
    answer = api.post(TRACES, {"spans": batch})
    assert answer.json()["accepted"] == len(spans), answer.content


def ids(api: ProjectClient, query: str) -> list[str]:
    return [row["span_id"] for row in api.results(f"{TRACES}/?{query}")]


def test_pages_go_through_more_rows_of_one_time_than_a_page_holds(api: ProjectClient) -> None:
    send(api, *[{} for _ in range(25)])
    assert sorted(ids(api, "page_size=10")) == sorted(f"s{number}" for number in range(25))


@pytest.mark.parametrize(
    ("field", "wanted", "other"),
    [
        ("trace_id", "t2", "t3"),
        ("parent_span_id", "p1", "p2"),
        ("service_name", "a & b", "b"),
        ("operation_name", "GET /x?y=1", "b"),
        ("kind", "client", "server"),
        ("status", "error", "ok"),
        ("http_method", "GET", "PUT"),
        ("http_status_code", 500, 200),
        ("user_id", "u1", "u2"),
    ],
)
def test_each_field_filters(api: ProjectClient, field: str, wanted: Any, other: Any) -> None:
    send(api, {field: wanted}, {field: other})
    assert ids(api, f"{field}={quote(str(wanted))}") == ["s0"]


def test_tags_times_and_durations_filter(api: ProjectClient) -> None:
    later = MOMENT + timedelta(minutes=1)
    send(api, {"tags": {"route": "/a"}}, {"start_time": later.isoformat(), "tags": {"route": 5}})
    assert ids(api, "tags.route=/a") == ["s0"]
    assert ids(api, "tags.route=5") == ["s1"]
    assert ids(api, f"start={later.timestamp()}") == ["s1"]
    assert ids(api, f"end={quote(later.isoformat())}") == ["s0"]
    assert ids(api, "min_duration_ms=0.5") == ["s1"]
    assert ids(api, "max_duration_ms=0.5") == ["s0"]


@pytest.mark.parametrize(
    "query",
    [
        "colour=red",
        "http_status_code=abc",
        "http_status_code=99999999999999999999",
        "min_duration_ms=NaN",
        "min_duration_ms=1e999",
        "max_duration_ms=long",
        "trace_id=%00",
        "start=never",
    ],
)
def test_what_cannot_be_asked_is_400(api: ProjectClient, query: str) -> None:
    answer = api.get(f"{TRACES}?{query}")
    assert answer.status_code == 400
    assert set(answer.json()) >= {"detail", "code"}


def test_a_trace_is_a_tree_of_its_spans(api: ProjectClient, other_api: ProjectClient) -> None:
    def at(milliseconds: int) -> str:
        return (MOMENT + timedelta(milliseconds=milliseconds)).isoformat()

    send(
        api,
        {"span_id": "root", "duration_ms": 50},
        {"span_id": "late", "parent_span_id": "root", "start_time": at(20), "duration_ms": 100},
        {"span_id": "soon", "parent_span_id": "root", "start_time": at(10)},
        {"span_id": "lost", "parent_span_id": "elsewhere", "start_time": at(30)},
        {"span_id": "other", "trace_id": "t2"},
    )
    trace = api.get(f"{TRACES}/t1/").json()
    assert (trace["trace_id"], trace["span_count"], trace["truncated"]) == ("t1", 4, False)
    assert (datetime.fromisoformat(trace["start_time"]), trace["duration_ms"]) == (MOMENT, 120)
    root, lost = trace["roots"]
    assert (root["span_id"], lost["span_id"]) == ("root", "lost")
    assert [child["span_id"] for child in root["children"]] == ["soon", "late"]
    assert root["children"][0]["operation_name"] == "GET /orders"
    assert other_api.get(f"{TRACES}/t1/").status_code == 404


def test_rings_of_parents_survive(api: ProjectClient) -> None:
    send(api, {"parent_span_id": "s1"}, {"parent_span_id": "s0"}, {"parent_span_id": "s2"})
    trace = api.get(f"{TRACES}/t1").json()
    assert [root["span_id"] for root in trace["roots"]] == ["s0", "s2"]
    assert trace["roots"][0]["children"][0]["span_id"] == "s1"


def test_a_chain_longer_than_json_nests_goes_on_as_further_roots(api: ProjectClient) -> None:
    send(api, *[{"parent_span_id": f"s{number - 1}" if number else ""} for number in range(1000)])
    trace = api.get(f"{TRACES}/t1").json()
    assert trace["span_count"] == 1000
    assert [root["parent_span_id"] for root in trace["roots"]] == [
        None,
        *[f"s{n}" for n in range(99, 999, 100)],
    ]


def test_a_trace_past_ten_thousand_spans_is_cut_and_says_so(api: ProjectClient) -> None:
    def later(number: int) -> dict[str, Any]:
        return {"start_time": (MOMENT + timedelta(milliseconds=number)).isoformat()}

    send(api, *[later(number) for number in range(10_000)])
    assert api.get(f"{TRACES}/t1").json()["truncated"] is False
    send(api, {"span_id": "more", **later(10_000)})
    trace = api.get(f"{TRACES}/t1").json()
    assert (trace["span_count"], trace["truncated"]) == (10_000, True)
    assert "more" not in {root["span_id"] for root in trace["roots"]}


@pytest.mark.parametrize("trace_id", ["gone", "%00", "a%2Fb", "x" * 3000, "\u00e9", "'"])
def test_a_trace_that_is_not_there_is_404(api: ProjectClient, trace_id: str) -> None:
    answer = api.get(f"{TRACES}/{quote(trace_id, safe='%')}/")
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_trace_is_found_by_its_id_in_either_case(api: ProjectClient) -> None:
    send(api, {"trace_id": "ABC123"})
    assert api.get(f"{TRACES}/aBc123").json()["trace_id"] == "abc123"
