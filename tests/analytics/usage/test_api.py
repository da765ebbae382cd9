"""Usage over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.models.features import Feature
from events.identities import MAX_STEPS
from tests.analytics.funnels.test_random import link
from tests.analytics.usage.scene import MONDAY, ask, roll_up, seen, send, weeks
from tests.clients import ProjectClient, client_of

pytestmark = pytest.mark.django_db


def test_who_comes_back_counts_in_exactly_that_week(api: ProjectClient) -> None:
    send(api, [seen(0, "ana"), seen(1, "bo"), seen(8, "cy"), seen(14, "ana"), seen(15, "cy")])
    roll_up(api)
    found = ask(api, "retention", period="week", **weeks(3))
    assert [(one["people"], one["returned"]) for one in found["cohorts"]] == [
        (2, [2, 0, 1]),
        (1, [1, 1]),
        (0, [0]),
    ]
    assert [one["ratio"] for one in found["averages"]] == [1, 1 / 3, 1 / 2]
    assert found["cohorts"][2]["ratios"] == [None]


def people(api: ProjectClient, **query: Any) -> list[str]:
    found = ask(api, "retention/people", **query)
    return sorted(one["user_id"] for one in found["results"])


def test_the_people_behind_a_number_of_the_retention_table_are_named(api: ProjectClient) -> None:
    send(
        api, [seen(-9, "old"), seen(0, "ana"), seen(1, "bo"), seen(8, "ana"), seen(14, "bo"), seen(15, "old")]
    )
    roll_up(api)
    send(api, [seen(2, None, anonymous_id="phone"), seen(15, "cy")])
    assert api.post("/v1/identify", {"anonymousId": "phone", "userId": "cy"}).status_code == 200
    in_first_week = {"period": "week", "cohort": (MONDAY + timedelta(days=3)).isoformat()}
    assert people(api, **in_first_week) == ["ana", "bo", "cy"]
    assert people(api, **in_first_week, later=1) == ["ana"]
    assert people(api, **in_first_week, later=2) == ["bo", "cy"]
    assert people(api, **in_first_week, later=3) == []
    assert people(api, **in_first_week, cohort_event="opened", returning_event="shared", later=1) == []


def test_who_is_too_many_links_away_is_named_as_somebody_else(api: ProjectClient) -> None:
    link(api, {f"id-{number}": f"id-{number + 1}" for number in range(MAX_STEPS + 2)})
    there = [0, 1, 2, MAX_STEPS, MAX_STEPS + 1]
    send(api, [seen(0, f"id-{number}") for number in there])
    roll_up(api)
    expected = [f"id-{MAX_STEPS + number}" for number in range(3)]
    assert people(api, period="week", cohort=MONDAY.isoformat()) == expected
    assert ask(api, "retention", **weeks(1))["cohorts"][0]["people"] == len(expected)


def test_people_behind_a_number_come_in_pages(api: ProjectClient) -> None:
    send(api, [seen(0, f"u{number}") for number in range(5)])
    roll_up(api)
    query = {"cohort": MONDAY.isoformat(), "later": 0, "page_size": 2}
    named: list[str] = []
    found = ask(api, "retention/people", **query)
    while found["next"]:
        named += [one["user_id"] for one in found["results"]]
        found = api.get(found["next"]).json()
    named += [one["user_id"] for one in found["results"]]
    assert sorted(named) == [f"u{number}" for number in range(5)]
    assert found["count"] == 5
    assert people(api, **query, page=9) == []


def test_whoever_was_there_before_the_range_is_in_no_cohort_and_not_new(api: ProjectClient) -> None:
    send(api, [seen(-50, "ana"), seen(2, "ana"), seen(2, "bo"), seen(9, "bo")])
    roll_up(api)
    cohorts = ask(api, "retention", period="week", **weeks(2))["cohorts"]
    assert [(one["people"], one["returned"]) for one in cohorts] == [(1, [1, 1]), (0, [0])]
    periods = ask(api, "lifecycle", period="week", **weeks(2))["periods"]
    kinds = ("new", "returning", "resurrecting", "dormant")
    assert [[one[kind] for kind in kinds] for one in periods] == [[1, 0, 1, 0], [0, 1, 0, 1]]


def test_far_ranges_and_ancient_clocks_cost_no_more_than_what_is_kept(api: ProjectClient) -> None:
    """A statement for each month of a thousand years took minutes."""
    api.put("/api/v1/retention/", {"events": {"raw_days": None}})
    ancient = {"timestamp": datetime(1100, 1, 1, tzinfo=UTC)}
    send(api, [seen(0, "ana") | ancient, seen(0, "ana"), seen(0, "bo")])
    assert [one["new"] for one in ask(api, "lifecycle", period="week", **weeks(1))["periods"]] == [1]
    far = ask(api, "lifecycle", period="week", start="8999-12-20", end="9000-01-01")
    assert {one["new"] + one["returning"] for one in far["periods"]} == {0}


def test_a_cohort_may_begin_with_one_event_and_come_back_with_another(api: ProjectClient) -> None:
    send(
        api,
        [seen(0, "ana", "signed_up"), seen(1, "ana", "paid"), seen(8, "ana", "paid"), seen(8, "bo", "paid")],
    )
    asked = {"cohort_event": "signed_up", "returning_event": "paid", "period": "week"}
    cohorts = ask(api, "retention", **asked, **weeks(2))["cohorts"]
    assert [(one["people"], one["returned"]) for one in cohorts] == [(1, [1, 1]), (0, [0])]


def test_nobody_is_counted_by_a_session_alone(api: ProjectClient) -> None:
    send(api, [seen(0, None, session_id="s"), seen(0, None, anonymous_id="phone")])
    days = ask(api, "active", **weeks(1))["days"]
    assert [one["daily"] for one in days] == [1, 0, 0, 0, 0, 0, 0]
    assert days[6]["weekly"] == days[6]["monthly"] == 1
    assert days[0]["stickiness_ratio"] == 1


def test_a_link_makes_two_people_one_in_what_is_rolled_up_already(api: ProjectClient) -> None:
    send(api, [seen(0, None, anonymous_id="phone"), seen(0, "ana"), seen(8, "ana")])
    roll_up(api)
    assert ask(api, "active", **weeks(1))["days"][0]["daily"] == 2
    assert api.post("/v1/identify", {"anonymousId": "phone", "userId": "ana"}).status_code == 200
    assert ask(api, "active", **weeks(1))["days"][0]["daily"] == 1


def test_adoption_is_told_by_tenant(api: ProjectClient) -> None:
    send(
        api,
        [
            seen(0, "ana", tenant_id="t1"),
            seen(1, "ana", "shared", tenant_id="t1"),
            seen(1, "bo", tenant_id="t1"),
            seen(1, "cy", "shared"),
        ],
    )
    Feature.objects.create(
        project=api.project, slug="sharing", name="Sharing", matcher={"event_name": "shared"}
    )
    found = ask(api, "adoption/sharing", segment="tenant_id", period="week", **weeks(1))
    assert (found["people"], found["active"], found["segments_truncated"]) == (2, 3, False)
    assert [(one["segment"], one["people"], one["active"]) for one in found["segments"]] == [
        ("t1", 1, 2),
        (None, 1, 1),
    ]


def test_time_to_adopt_is_that_of_new_people_and_drop_off_that_of_the_last_whole_week(
    api: ProjectClient,
) -> None:
    send(
        api,
        [
            seen(-9, "old"),
            seen(0, "old", "shared"),
            seen(0, "ana"),
            seen(3, "ana", "shared"),
            seen(8, "ana"),
            seen(1, "bo", "shared"),
        ],
    )
    Feature.objects.create(
        project=api.project, slug="sharing", name="Sharing", matcher={"event_name": "shared"}
    )
    found = ask(api, "adoption/sharing", period="week", **weeks(2))
    took = found["time_to_adopt"]
    assert (took["new_people"], took["adopted"], took["median_days"]) == (2, 2, 1.5)
    assert [one["people"] for one in took["distribution"]] == [1, 0, 0, 1, 0, 0, 0]
    dropped = found["drop_off"]
    assert (dropped["people"], dropped["dropped"], dropped["still_active"]) == (3, 3, 1)


def test_without_events_everything_is_nobody(api: ProjectClient, other_api: ProjectClient) -> None:
    send(other_api, [seen(0, "ana")])
    assert {one["monthly"] for one in ask(api, "active")["days"]} == {0}
    assert {one["people"] for one in ask(api, "retention")["cohorts"]} == {0}
    assert {one["new"] for one in ask(api, "lifecycle", period="month")["periods"]} == {0}
    assert ask(api, "adoption")["features"] == []


@pytest.mark.parametrize(
    ("what", "query", "told"),
    [
        ("active", "period=week", "period"),
        ("retention", "event_name=x", "event_name"),
        ("retention", "period=year", "period"),
        ("retention/people", "later=1", "cohort"),
        ("retention/people", "cohort=1801-01-01", "cohort"),
        ("retention/people", "cohort=2026-01-01&later=401", "later"),
        ("retention/people", "cohort=2026-01-01&page=0", "page"),
        ("retention/people", "cohort=2026-01-01&page_size=1001", "page_size"),
        ("retention/people", "cohort=2026-01-01&start=2026-01-01", "start"),
        ("lifecycle", "start=yesterday", "start"),
        ("lifecycle", "start=2026-02-01&end=2026-01-01", "start"),
        ("active", "start=0001-01-01T00:00:00Z&end=0001-01-02T00:00:00Z", "start"),
        ("active", "start=1990-01-01", "start"),
        ("lifecycle", "event_name=%00", "event_name"),
        ("adoption", "segment=tenant_id", "segment"),
        ("adoption/sharing", "segment=colour", "segment"),
        ("adoption/sharing", "colour=1", "colour"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(api: ProjectClient, what: str, query: str, told: str) -> None:
    answer = api.get(f"/api/v1/analytics/{what}/?{query}")
    assert answer.status_code == 400, answer.content
    assert told in answer.json()["detail"]


def test_a_feature_is_that_of_its_project_alone(api: ProjectClient, other_project: Any) -> None:
    Feature.objects.create(project=other_project, slug="sharing", name="Sharing", matcher={"event_name": "x"})
    for slug in ("sharing", "%00"):
        assert api.get(f"/api/v1/analytics/adoption/{slug}/").status_code == 404


def test_reading_needs_the_scope_read(api: ProjectClient) -> None:
    for what in ("active", "retention", "retention/people", "lifecycle", "adoption", "adoption/x"):
        assert client_of(api.project, ["ingest"]).get(f"/api/v1/analytics/{what}/").status_code == 403
