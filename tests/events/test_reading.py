"""Events are read back by filters and in keyset pages."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pytest

from tests.clients import ProjectClient

EVENTS = "/api/v1/events"
MOMENT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=5)


def send(api: ProjectClient, *events: dict[str, Any]) -> None:
    batch = [{"event_name": "x", "timestamp": MOMENT.isoformat(), **event} for event in events]
    answer = api.post(EVENTS, {"events": batch})
    assert answer.json()["accepted"] == len(events), answer.content


def test_pages_go_through_more_rows_of_one_time_than_a_page_holds(api: ProjectClient) -> None:
    send(api, *[{"event_name": f"e{n}"} for n in range(25)])
    forward = api.results(f"{EVENTS}/?page_size=10")
    assert sorted(row["event_name"] for row in forward) == sorted(f"e{n}" for n in range(25))


def test_previous_leads_back_over_the_same_rows(api: ProjectClient) -> None:
    send(api, *[{"event_name": f"e{n}"} for n in range(25)])
    first = api.get(f"{EVENTS}?page_size=10").json()
    second = api.get(first["next"]).json()
    third = api.get(second["next"]).json()
    assert (first["previous"], third["next"]) == (None, None)
    assert len(third["results"]) == 5
    assert api.get(third["previous"]).json()["results"] == second["results"]
    assert api.get(second["previous"]).json()["results"] == first["results"]


@pytest.mark.parametrize(
    "column",
    [
        "event_name",
        "event_type",
        "event_category",
        "severity",
        "user_id",
        "anonymous_id",
        "tenant_id",
        "session_id",
        "source",
        "trace_id",
        "span_id",
    ],
)
def test_each_column_filters(api: ProjectClient, column: str) -> None:
    send(api, {column: "wanted & found"}, {column: "other"})
    (found,) = api.results(f"{EVENTS}/?{column}={quote('wanted & found')}")
    assert found[column] == "wanted & found"


def test_json_keys_filter_together(api: ProjectClient) -> None:
    send(
        api,
        {"tags": {"region": "eu", "n": 5}, "properties": {"plan": "pro"}},
        {"tags": {"region": "eu"}, "properties": {"plan": "free"}},
    )
    assert len(api.results(f"{EVENTS}/?tags.region=eu")) == 2
    assert len(api.results(f"{EVENTS}/?tags.region=eu&properties.plan=pro&tags.n=5")) == 1
    assert api.results(f"{EVENTS}/?tags.missing=1") == []


def test_start_is_inclusive_and_end_exclusive(api: ProjectClient) -> None:
    for minutes in range(3):
        send(api, {"timestamp": (MOMENT + timedelta(minutes=minutes)).isoformat()})
    start = quote(MOMENT.isoformat())
    end = (MOMENT + timedelta(minutes=2)).timestamp()
    assert len(api.results(f"{EVENTS}/?start={start}&end={end}")) == 2
    assert len(api.results(f"{EVENTS}/?start={int(end * 1000)}")) == 1


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("colour=red", "unknown_parameter"),
        ("tags.=x", "unknown_parameter"),
        ("page_size=0", "invalid_page_size"),
        ("page_size=1001", "invalid_page_size"),
        ("page_size=ten", "invalid_page_size"),
        ("cursor=nonsense", "invalid_cursor"),
        ("cursor=WzAsMV0", "invalid_cursor"),
        ("cursor=%00", "invalid"),
        ("cursor=WzAsIjIwMjYtMDEtMDFUMDA6MDA6MDBaIiwiXHVkODAwIl0", "invalid_cursor"),
        ("cursor=WzAsMSwyXQ", "invalid_cursor"),
        ("start=yesterday", "invalid"),
        ("start=nan", "invalid"),
        ("event_name=%00", "invalid"),
        ("tags.a%00b=1", "invalid"),
    ],
)
def test_wrong_query_parameters_are_400_with_a_reason(api: ProjectClient, query: str, code: str) -> None:
    answer = api.get(f"{EVENTS}/?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer.json()["detail"]


def test_one_event_is_found_by_its_uuid_and_by_its_text(api: ProjectClient) -> None:
    send(api, {"id": "order/1 \u2603"}, {"id": "plain"})
    (first,) = [row for row in api.results(EVENTS) if row["id"] == "plain"]
    assert api.get(f"{EVENTS}/plain/").json() == first
    assert api.get(f"{EVENTS}/plain").json() == first
    assert api.get(f"{EVENTS}/unknown/").status_code == 404
    assert api.get(f"{EVENTS}/%00/").status_code == 404


def test_an_id_may_hold_slashes(api: ProjectClient) -> None:
    send(api, {"id": "orders/42", "event_name": "with slash"})
    for path in ("orders%2F42/", "orders/42", "orders/42/"):
        assert api.get(f"{EVENTS}/{path}").json()["event_name"] == "with slash"


def test_one_event_takes_no_parameters(api: ProjectClient) -> None:
    send(api, {"id": "plain"})
    assert api.get(f"{EVENTS}/plain/?nonsense=1").json()["code"] == "unknown_parameter"


def test_values_that_are_no_texts_filter_too(api: ProjectClient) -> None:
    send(api, {"id": "a", "source_ip": "192.0.2.7", "user_agent": "curl/8", "duration_ms": 12.5}, {"id": "b"})
    moment = quote(MOMENT.isoformat())
    for query in ("id=a", "source_ip=192.0.2.7", "user_agent=curl%2F8", "duration_ms=12.5"):
        assert [row["id"] for row in api.results(f"{EVENTS}/?{query}")] == ["a"], query
    assert len(api.results(f"{EVENTS}/?timestamp={moment}")) == 2
    assert api.get(f"{EVENTS}/?source_ip=here").status_code == 400
    assert api.get(f"{EVENTS}/?duration_ms=long").status_code == 400


def test_an_offset_whose_plus_was_not_escaped_is_understood(api: ProjectClient) -> None:
    send(api, {"id": "a"})
    start = (MOMENT + timedelta(hours=2)).replace(tzinfo=None).isoformat()
    assert len(api.results(f"{EVENTS}/?start={start}+02:00")) == 1


def test_another_projects_key_sees_nothing(api: ProjectClient, other_api: ProjectClient) -> None:
    send(api, {"id": "mine"})
    assert other_api.results(EVENTS) == []
    assert other_api.get(f"{EVENTS}/mine/").status_code == 404


def test_a_trace_id_is_found_in_either_case(api: ProjectClient) -> None:
    send(api, {"trace_id": "4BF92F3577B34DA6A3CE929D0E0E4736", "span_id": "00F067AA0BA902B7"})
    for text in ("4BF92F3577B34DA6A3CE929D0E0E4736", "4bf92f3577b34da6a3ce929d0e0e4736"):
        (found,) = api.results(f"{EVENTS}/?trace_id={text}")
        assert found["span_id"] == "00f067aa0ba902b7"
