"""Counts over time, by values, and of the most frequent values."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from events.explorer import users
from events.explorer.walking import backwards
from events.rollups import EVENT_ROLLUP
from tests.clients import ProjectClient
from tests.events.explorer.looking import NOW, bars, find_link, look, minutes_ago, send, text
from tests.rolled_up import roll_everything_up

pytestmark = pytest.mark.django_db

NOON = NOW.replace(hour=0, minute=0, second=0) - timedelta(hours=36)
DAY = {"start": NOON.isoformat(), "end": (NOON + timedelta(hours=24)).isoformat()}


def counts(api: ProjectClient, **query: Any) -> str:
    return look(api, panel="counts", **query)


def test_errors_stand_on_all_other_events(api: ProjectClient) -> None:
    send(api, {}, {}, {"severity": "error"}, {"event_type": "error_event"})
    page = counts(api)
    assert bars(page) == {"Events without errors": 2, "Errors": 2}
    assert text(page).startswith("4 events 2 errors 50 %")


@pytest.mark.parametrize(
    ("by", "expected"),
    [
        ("severity", {"(none)": 2, "error": 1}),
        ("event_name", {"login": 2, "paid": 1}),
        ("tenant_id", {"(none)": 1, "t1": 2}),
        ("tags.env", {"(none)": 2, "prod": 1}),
        ("properties.n", {"(none)": 2, "5": 1}),
        ("duration_ms", {"(none)": 2, "1.5": 1}),
        ("source_ip", {"(none)": 2, "10.0.0.7": 1}),
    ],
)
def test_events_are_counted_by_any_field(api: ProjectClient, by: str, expected: dict[str, int]) -> None:
    send(
        api,
        {"tenant_id": "t1", "severity": "error", "tags": {"env": "prod"}, "source_ip": "10.0.0.7"},
        {"tenant_id": "t1"},
        {"event_name": "paid", "properties": {"n": 5}, "duration_ms": 1.5},
    )
    assert bars(counts(api, by=by)) == expected


def test_roll_ups_and_raw_events_say_the_same(api: ProjectClient) -> None:
    at = (NOON + timedelta(hours=3)).isoformat()
    send(
        api,
        {"timestamp": at, "tenant_id": "t1", "severity": "error"},
        {"timestamp": at, "tenant_id": "t2"},
        {"timestamp": at, "event_name": "paid"},
        {"timestamp": (NOON - timedelta(hours=3)).isoformat()},
    )
    queries: list[dict[str, str]] = [
        {"by": "event_name"},
        {"by": "tenant_id"},
        {"by": "event_name", "tenant_id": "t1"},
        {"by": "event_name", "q": "tenant_id=*"},
        {"by": "tenant_id", "q": "event_name!=paid event_type!~error"},
    ]
    before = [bars(counts(api, **DAY, **query)) for query in queries]
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    pages = [counts(api, **DAY, **query) for query in queries]
    assert all("from roll-ups" in page for page in pages)
    assert [bars(page) for page in pages] == before
    assert before == [
        {"login": 2, "paid": 1},
        {"(none)": 1, "t1": 1, "t2": 1},
        {"login": 1},
        {"login": 2},
        {"t1": 1, "t2": 1},
    ]
    # The same, narrowed down by what every event has, which no roll-up knows.
    raw = [counts(api, **DAY, **{**query, "q": f"{query.get('q', '')} user_agent!=*"}) for query in queries]
    assert all("event by event" in page for page in raw)
    assert [bars(page) for page in raw] == before


def test_more_values_than_colours_are_counted_together(api: ProjectClient) -> None:
    send(api, *({"event_name": f"name {number:02}"} for number in range(11)), {"event_name": "name 10"})
    found = bars(counts(api, by="event_name"))
    assert (found["name 10"], found["3 others"], len(found)) == (2, 3, 9)


def test_the_table_says_share_errors_and_users_and_leads_on(api: ProjectClient) -> None:
    send(
        api,
        *({"tags": {"env": "prod"}, "user_id": f"u{number}"} for number in (1, 1, 2)),
        {"severity": "error"},
    )
    page = counts(api, by="tags.env")
    assert "prod 3 75 % 0 2" in text(page)
    assert "(none) 1 25 % 1 0" in text(page)
    assert find_link(page, "Exclude prod")["q"] == "tags.env!=prod"
    assert find_link(page, "Exclude (none)")["q"] == "tags.env=*"
    assert bars(counts(api, by="event_name", q="tags.env!=prod")) == {"login": 1}


@pytest.mark.parametrize("is_rolled_up", [False, True])
def test_users_of_days_are_told_apart_by_their_sets(api: ProjectClient, is_rolled_up: bool) -> None:
    for hours, user, name in (
        (30, "ana", "login"),
        (54, "ana", "login"),
        (54, "bob", "login"),
        (30, "eve", "paid"),
    ):
        at = (NOW - timedelta(hours=hours)).isoformat()
        send(api, {"event_name": name, "user_id": user, "timestamp": at})
    send(api, {"event_name": "paid", "user_id": "ana"}, {"event_name": "paid"})
    if is_rolled_up:
        roll_everything_up(EVENT_ROLLUP, api.project.pk)
    page = text(counts(api, range="7d", by="event_name"))
    assert page.startswith("6 events 3 users")
    assert "login 3 50 % 0 2" in page
    assert "paid 3 50 % 0 2" in page
    assert "Users are those of whole days (UTC)" in page
    one = text(counts(api, range="7d", by="event_name", event_name="login"))
    assert one.startswith("3 events 2 users")


def test_users_for_whom_there_was_no_time_are_said_to_be_missing(
    api: ProjectClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for hours in (0.2, 12):
        at = (NOW - timedelta(hours=hours)).isoformat()
        send(api, {"user_id": f"u{hours}", "timestamp": at})
    assert "2 events 2 users" in text(counts(api, range="24h", by="event_name"))
    monkeypatch.setattr(users, "backwards", partial(backwards, budget_seconds=0))
    page = text(counts(api, range="24h", by="event_name"))
    assert page.startswith("2 events at least 1 user ")
    assert "there was no time to tell older ones apart" in page
    monkeypatch.setattr(users, "MAX_PAIRS", 0)
    assert "user " not in text(counts(api, range="24h", by="event_name")).partition("Counted by")[0]


def test_what_lies_outside_the_range_is_not_counted(api: ProjectClient) -> None:
    send(api, {"timestamp": minutes_ago(50)}, {"timestamp": minutes_ago(70)}, {"timestamp": minutes_ago(10)})
    assert bars(counts(api, range="15m", q="tags.env!=*"))["Events without errors"] == 1
    assert bars(counts(api, range="1h", q="tags.env!=*"))["Events without errors"] == 2
    assert "No event in this stretch of time" in counts(api, range="1h", q="tags.env=none")


def test_facets_name_the_most_frequent_values_of_columns_and_tags(api: ProjectClient) -> None:
    send(
        api,
        *({"severity": "info", "tags": {"env": "prod", "pod": f"p{number}"}} for number in range(12)),
        {"severity": "error", "event_name": "paid", "tags": {"env": "test"}},
    )
    page = look(api, panel="facets")
    assert "Of all 13 events" in text(page)
    assert "severity bar_chart info 12 ≠ error 1 ≠" in text(page)
    assert "tags.env bar_chart prod 12 ≠ test 1 ≠" in text(page)
    # Eight of the twelve pods: p0, p1, p10, p11, p2 to p5.
    assert "p5 1" in text(page)
    assert "p6" not in text(page)
    assert find_link(page, "Exclude tags.env test")["q"] == "tags.env!=test"
    assert find_link(page, "Count by tags.pod")["by"] == "tags.pod"
    assert "Of all 1 events" in text(look(api, panel="facets", severity="error"))
    assert "Of all 0 events" in text(look(api, panel="facets", severity="none"))
