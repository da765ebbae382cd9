"""Events are read as arrays of numbers over time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode

import pytest

from events.rollups import EVENT_ROLLUP
from projects.models import Project
from tests.clients import ProjectClient, client_of
from tests.rolled_up import roll_everything_up

SUMMARY = "/api/v1/event-summary/"
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NOON = TODAY - timedelta(hours=36)
"""Far enough from now to be rolled up, near enough to be kept."""


def send(api: ProjectClient, *events: dict[str, Any]) -> None:
    batch = [{"event_name": "login", "timestamp": NOON.isoformat(), **event} for event in events]
    answer = api.post("/api/v1/events", {"events": batch})
    assert answer.json()["accepted"] == len(events), answer.content


def ask(api: ProjectClient, **query: Any) -> dict[str, Any]:
    answer = api.get(f"{SUMMARY}?{urlencode(query)}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def after(**delta: float) -> str:
    return (NOON + timedelta(**delta)).isoformat()


def test_each_group_has_one_array_a_measure_with_zeros_where_nothing_happened(api: ProjectClient) -> None:
    send(api, {}, {"severity": "error"}, {"timestamp": after(hours=2)}, {"event_name": "paid"})
    answer = ask(api, start=NOON.isoformat(), end=after(hours=3), interval="1h")
    assert [datetime.fromisoformat(bucket) for bucket in answer["buckets"]] == [
        NOON + timedelta(hours=number) for number in range(3)
    ]
    assert (answer["interval_seconds"], answer["truncated"]) == (3600, False)
    assert answer["series"] == [
        {"event_name": "login", "event_count": [2, 0, 1], "error_count": [1, 0, 0]},
        {"event_name": "paid", "event_count": [1, 0, 0], "error_count": [0, 0, 0]},
    ]


def test_the_answer_is_the_same_before_and_after_events_are_rolled_up_and_with_late_ones(
    api: ProjectClient,
) -> None:
    query = {
        "start": NOON.isoformat(),
        "end": after(hours=1),
        "interval": "1h",
        "measures": "event_count,duration_p95_ms",
    }
    send(api, {"duration_ms": 10})
    before = ask(api, **query)
    assert before["series"][0]["event_count"] == [1]
    assert before["series"][0]["duration_p95_ms"] == [pytest.approx(10, rel=0.01)]
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    assert ask(api, **query) == before
    send(api, {"duration_ms": 1000})
    assert ask(api, **query)["series"][0]["event_count"] == [2]
    assert ask(api, **query)["series"][0]["duration_p95_ms"] == [pytest.approx(1000, rel=0.01)]


def test_groups_are_of_the_dimensions_that_are_named_and_filters_choose_among_them(
    api: ProjectClient,
) -> None:
    send(
        api,
        {"event_type": "click", "tenant_id": "bank"},
        {"event_type": "click", "tenant_id": "bank"},
        {"event_type": "view", "event_category": "shop"},
    )

    def groups(**query: Any) -> list[tuple[Any, ...]]:
        found = ask(api, start=NOON.isoformat(), end=after(days=1), interval="1d", **query)["series"]
        return [tuple(value for value in series.values() if not isinstance(value, list)) for series in found]

    assert groups(group_by="event_type,tenant_id") == [("click", "bank"), ("view", None)]
    assert groups(group_by="event_category", event_type="view") == [("shop",)]
    assert groups(group_by="event_name", tenant_id="bank", event_type="view") == []
    assert groups(group_by="", tenant_id="") == [()]


@pytest.mark.parametrize("is_rolled_up", [True, False])
def test_durations_of_several_tenants_are_merged_not_averaged(api: ProjectClient, is_rolled_up: bool) -> None:
    fast = [{"duration_ms": 10, "tenant_id": "bank"} for _ in range(98)]
    slow: list[dict[str, Any]] = [{"duration_ms": 1000}, {"duration_ms": 5000}, {"event_name": "no_duration"}]
    send(api, *fast, *slow)
    if is_rolled_up:
        roll_everything_up(EVENT_ROLLUP, api.project.pk)

    def p99(group_by: str) -> dict[Any, Any]:
        query = {"start": NOON.isoformat(), "end": after(hours=1), "interval": "1h", "group_by": group_by}
        found = ask(api, **query, event_name="login", measures="duration_p99_ms")["series"]
        return {series.get(group_by): series["duration_p99_ms"][0] for series in found}

    assert p99("event_name") == {"login": pytest.approx(1000, rel=0.01)}
    assert p99("tenant_id") == {"bank": pytest.approx(10, rel=0.01), None: pytest.approx(5000, rel=0.01)}
    without = ask(api, start=NOON.isoformat(), end=after(hours=1), interval="1h", event_name="no_duration",
                  measures="duration_p50_ms")  # fmt: skip
    assert without["series"][0]["duration_p50_ms"] == [None]


def test_users_are_counted_once_a_day(api: ProjectClient) -> None:
    send(
        api,
        {"user_id": "u1"},
        {"user_id": "u1", "timestamp": after(hours=1)},
        {"user_id": "u2", "timestamp": after(hours=2)},
        {"timestamp": after(hours=-13), "user_id": "u1"},
        {},
    )
    answer = ask(api, start=after(days=-1), end=after(days=0), measures="users,event_count")
    assert answer["interval_seconds"] == 86_400
    (series,) = answer["series"]
    assert (series["users"], series["event_count"]) == ([1, 2], [1, 4])


@pytest.mark.parametrize(
    ("length", "query", "seconds", "buckets"),
    [
        (timedelta(minutes=10), {}, 60, 10),
        (timedelta(minutes=750), {}, 60, 750),
        (timedelta(minutes=751), {}, 3600, 13),
        (timedelta(hours=1), {"group_by": "tenant_id"}, 3600, 1),
        (timedelta(hours=1), {"event_category": "shop"}, 3600, 1),
        (timedelta(days=30), {}, 3600, 720),
        (timedelta(days=31), {}, 3600, 744),
        (timedelta(days=32), {}, 86_400, 33),
        (timedelta(days=1), {"measures": "users"}, 86_400, 2),
        (timedelta(days=1), {"interval": "1m"}, 60, 1440),
        (timedelta(days=400), {"interval": "1d"}, 86_400, 401),
    ],
)
def test_the_interval_follows_from_the_range_unless_it_is_given(
    api: ProjectClient, length: timedelta, query: dict[str, str], seconds: int, buckets: int
) -> None:
    answer = ask(api, start=(NOON - length).isoformat(), end=NOON.isoformat(), **query)
    assert (answer["interval_seconds"], len(answer["buckets"])) == (seconds, buckets)


def test_a_range_is_widened_to_whole_buckets_and_is_the_last_day_by_default(api: ProjectClient) -> None:
    send(api, {"timestamp": after(minutes=50)}, {"timestamp": after(minutes=70)})
    answer = ask(api, start=after(minutes=30), end=after(minutes=61), interval="1h")
    assert answer["series"][0]["event_count"] == [1, 1]
    asked_after = datetime.now(UTC)
    by_default = [datetime.fromisoformat(bucket) for bucket in ask(api)["buckets"]]
    assert by_default[-1] <= datetime.now(UTC)
    assert asked_after <= by_default[-1] + timedelta(hours=1)
    assert len(by_default) == 25


@pytest.mark.parametrize(
    ("query", "code", "named"),
    [
        ("colour=red", "unknown_parameter", "colour"),
        ("page_size=5", "unknown_parameter", "page_size"),
        ("start=never", "invalid", "start"),
        ("end=1e400", "invalid", "end"),
        ("start=2026-01-02&end=2026-01-01T00:00:00Z", "invalid", "before"),
        ("end=0001-01-01T00:00:00Z", "invalid", "years"),
        ("end=9999-12-31T23:59:59Z", "invalid", "years"),
        ("start=1970-01-01T00:00:00Z", "too_many_buckets", "2,000"),
        ("start=2026-01-01T00:00:00Z&end=2026-02-01T00:00:00Z&interval=1m", "too_many_buckets", "44,640"),
        ("interval=5m", "invalid", "interval"),
        ("interval=none", "invalid", "interval"),
        ("group_by=user_id", "invalid", "group_by"),
        ("measures=event_count,colour", "invalid", "measures"),
        ("measures=", "invalid", "measures"),
        ("event_name=%00", "invalid", "event_name"),
        ("interval=1m&group_by=tenant_id", "not_kept", "hour"),
        ("interval=1h&measures=users", "not_kept", "days"),
        ("measures=users&group_by=event_type", "not_kept", "event_name"),
    ],
)
def test_what_cannot_be_asked_is_400_and_says_why(
    api: ProjectClient, query: str, code: str, named: str
) -> None:
    answer = api.get(f"{SUMMARY}?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert named in answer.json()["detail"]


def test_more_than_two_hundred_groups_are_cut_the_most_frequent_first_and_said_so(api: ProjectClient) -> None:
    send(api, *[{"event_name": f"n{number:03}"} for number in range(201)], {"event_name": "n200"})
    answer = ask(api, start=NOON.isoformat(), end=after(hours=1))
    assert answer["truncated"] is True
    assert [series["event_name"] for series in answer["series"]] == [
        "n200",
        *(f"n{number:03}" for number in range(199)),
    ]


def test_users_of_a_frequent_event_are_counted_where_two_hundred_others_have_more(api: ProjectClient) -> None:
    others = [
        {"event_name": f"n{number:03}", "user_id": user} for number in range(201) for user in ("u1", "u2")
    ]
    send(api, *others, *[{"event_name": "often", "user_id": "u1"}] * 3)
    answer = ask(api, start=NOON.isoformat(), end=after(hours=1), measures="event_count,users")
    assert answer["truncated"] is True
    assert answer["series"][:2] == [
        {"event_name": "often", "event_count": [3], "users": [1]},
        {"event_name": "n000", "event_count": [2], "users": [2]},
    ]


def test_a_key_sees_its_own_project_only_and_needs_the_scope_to_read(
    api: ProjectClient, other_api: ProjectClient, project: Project
) -> None:
    send(api, {})
    path = f"{SUMMARY}?start={quote(NOON.isoformat())}&end={quote(after(hours=1))}"
    assert len(api.get(path).json()["series"]) == 1
    assert other_api.get(path).json()["series"] == []
    assert client_of(project, ["ingest"]).get(path).status_code == 403
    assert api.post(SUMMARY, {}).status_code == 405
    assert api.get(SUMMARY.rstrip("/")).status_code == 200
