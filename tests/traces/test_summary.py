"""Rate, errors and durations of spans, through HTTP. What both summaries share is tested with events."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from django.test import Client

from projects.models import Project
from tests.clients import ProjectClient, client_of
from tests.rolled_up import roll_everything_up
from traces.rollups import SPAN_ROLLUP

SUMMARY = "/api/v1/span-summary/"
NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)


def send(api: ProjectClient, *spans: dict[str, Any]) -> None:
    batch = [
        {
            "trace_id": "t1",
            "span_id": f"s{number}",
            "service_name": "api",
            "operation_name": "GET /orders",
            "start_time": NOON.isoformat(),
            "duration_ms": 10,
            **span,
        }
        for number, span in enumerate(spans)
    ]
    answer = api.post("/api/v1/traces", {"spans": batch})
    assert answer.json()["accepted"] == len(spans), answer.content


def after(**delta: float) -> str:
    return (NOON + timedelta(**delta)).isoformat()


def ask(api: ProjectClient, **query: Any) -> dict[str, Any]:
    given = {"start": NOON.isoformat(), "end": after(hours=2), "interval": "1h", **query}
    answer = api.get(f"{SUMMARY}?{urlencode(given)}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def test_a_service_has_a_rate_errors_and_durations_an_hour(api: ProjectClient) -> None:
    send(api, *[{"status": "error" if number == 0 else "ok", "duration_ms": number} for number in range(36)])
    (series,) = ask(api)["series"]
    assert series == {
        "service_name": "api",
        "operation_name": "GET /orders",
        "span_count": [36, 0],
        "error_count": [1, 0],
        "rate_per_second": [0.01, 0],
        "error_ratio": [pytest.approx(1 / 36), None],
        "duration_avg_ms": [17.5, None],
        "duration_p50_ms": [pytest.approx(17, rel=0.01), None],
        "duration_p95_ms": [pytest.approx(34, rel=0.01), None],
        "duration_p99_ms": [pytest.approx(35, rel=0.01), None],
    }


def test_none_adds_the_whole_range_up(api: ProjectClient) -> None:
    send(api, {}, {"start_time": after(hours=1)}, {"start_time": after(hours=1, minutes=59)})
    answer = ask(api, interval="none", measures="span_count,rate_per_second")
    assert (answer["interval_seconds"], len(answer["buckets"])) == (7200, 1)
    (series,) = answer["series"]
    assert (series["span_count"], series["rate_per_second"]) == ([3], [pytest.approx(3 / 7200)])


def test_whole_ranges_of_days_add_up_to_the_hour(api: ProjectClient) -> None:
    """A range that is a whole number of days long but doesn't begin at midnight is read by the hour."""
    send(api, {}, {"start_time": after(hours=-1)}, {"start_time": after(hours=24)})
    answer = ask(api, end=after(hours=24), interval="none", measures="span_count")
    assert [series["span_count"] for series in answer["series"]] == [[1]]
    assert datetime.fromisoformat(answer["buckets"][0]) == NOON


def test_groups_and_filters_go_by_service_operation_and_kind(api: ProjectClient) -> None:
    send(api, {"kind": "server"}, {"kind": "server"}, {"kind": "client", "operation_name": "SELECT"})

    def counts(**query: Any) -> list[tuple[Any, ...]]:
        found = ask(api, interval="none", measures="span_count", **query)["series"]
        return [tuple(series.values()) for series in found]

    assert counts(group_by="kind") == [("server", [2]), ("client", [1])]
    assert counts(group_by="") == [([3],)]
    assert counts(group_by="service_name", kind="client") == [("api", [1])]
    assert counts(operation_name="SELECT") == [("api", "SELECT", [1])]
    assert counts(service_name="shop") == []


@pytest.mark.parametrize("interval", ["1m", "1h", "1d", "none"])
def test_the_answer_is_the_same_before_and_after_spans_are_rolled_up_and_with_late_ones(
    api: ProjectClient, interval: str
) -> None:
    send(api, {"status": "error"}, {"duration_ms": 2.5}, {"start_time": after(minutes=5)})
    before = ask(api, interval=interval)
    roll_everything_up(SPAN_ROLLUP, api.project.pk)
    assert ask(api, interval=interval) == before
    send(api, {"span_id": "late"})
    assert sum(ask(api, interval=interval)["series"][0]["span_count"]) == 4


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("colour=red", "unknown_parameter"),
        ("status=ok", "unknown_parameter"),
        ("interval=5m", "invalid"),
        ("group_by=status", "invalid"),
        ("measures=users", "invalid"),
        ("start=2026-01-01T00:00:00Z&end=2026-03-01T00:00:00Z&interval=1m", "too_many_buckets"),
    ],
)
def test_what_cannot_be_asked_is_400(api: ProjectClient, query: str, code: str) -> None:
    answer = api.get(f"{SUMMARY}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_whole_range_may_be_as_long_as_one_likes(api: ProjectClient) -> None:
    answer = ask(api, start="1970-01-01T00:00:00Z", interval="none")
    assert len(answer["buckets"]) == 1


def test_a_key_sees_its_own_project_only_and_needs_the_scope_to_read(
    api: ProjectClient, other_api: ProjectClient, project: Project
) -> None:
    send(api, {})
    path = f"{SUMMARY.rstrip('/')}?start={quote(NOON.isoformat())}"
    assert len(api.get(path).json()["series"]) == 1
    assert other_api.get(path).json()["series"] == []
    assert client_of(project, ["ingest"]).get(path).status_code == 403


@pytest.mark.parametrize(
    ("path", "parameters", "measure"),
    [
        ("span-summary", {"service_name", "operation_name", "kind"}, "error_ratio"),
        ("event-summary", {"event_name", "event_type", "event_category", "tenant_id"}, "users"),
    ],
)
def test_openapi_names_the_parameters_and_the_numbers(
    client: Client, path: str, parameters: set[str], measure: str
) -> None:
    described = client.get("/api/schema/").json()["paths"][f"/api/v1/{path}"]["get"]
    common = {"start", "end", "interval", "group_by", "measures"}
    assert {parameter["name"] for parameter in described["parameters"]} == common | parameters
    answer = described["responses"]["200"]["content"]["application/json"]["schema"]["properties"]
    assert measure in answer["series"]["items"]["properties"]
