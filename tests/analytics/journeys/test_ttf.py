"""Time to first value, as clients ask for it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from analytics.models.journeys import Milestone
from projects.models import Project
from tests.analytics.journeys.scene import (
    TTF_EVENTS,
    Seen,
    link,
    make_journey,
    roll_up,
    send,
    settle,
    ttf_events,
)
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

TTF = "/api/v1/ttf"
JOURNEYS = "/api/v1/analytics/journeys"


def ttf(api: ProjectClient, user_id: str) -> dict[str, Any]:
    answer = api.get(f"{TTF}/{user_id}")
    assert answer.status_code == 200, answer.content
    body: dict[str, Any] = answer.json()
    return body


def times_on(api: ProjectClient, user_id: str, slug: str = "ttf") -> list[datetime | None]:
    answer = api.get(f"{JOURNEYS}/{slug}/users/{user_id}/")
    assert answer.status_code == 200, answer.content
    reached = (one["reached_at"] for one in answer.json()["milestones"])
    return [datetime.fromisoformat(at) if at else None for at in reached]


def test_the_whole_way_and_its_score(api: ProjectClient, project: Project) -> None:
    send(api, ttf_events("ana", [4, 24, 34, 64]))
    expected = {
        "user_id": "ana",
        "ttf_project_minutes": 4,
        "ttf_agent_minutes": 20,
        "ttf_workflow_minutes": 10,
        "ttf_success_minutes": 30,
        "ttf_complete_minutes": 64,
        "ttf_efficiency_score": 87.5,
    }
    assert ttf(api, "ana") == expected
    # Rolled up, but not looked at yet.
    roll_up(project)
    assert ttf(api, "ana") == expected
    settle(project)
    assert ttf(api, "ana") == expected


def test_what_is_not_reached_is_null(api: ProjectClient) -> None:
    send(api, ttf_events("ana", [4]))
    send(api, ttf_events("bob", []))
    assert ttf(api, "ana") == {
        "user_id": "ana",
        "ttf_project_minutes": 4,
        "ttf_agent_minutes": None,
        "ttf_workflow_minutes": None,
        "ttf_success_minutes": None,
        "ttf_complete_minutes": None,
        "ttf_efficiency_score": 25,
    }
    assert ttf(api, "bob")["ttf_efficiency_score"] == 0


def test_only_the_first_of_each_counts_and_late_events_correct_it(
    api: ProjectClient, project: Project
) -> None:
    send(api, ttf_events("ana", [20, 30]))
    send(api, [Seen(60, "first_project_created", "ana")])
    settle(project)
    assert ttf(api, "ana")["ttf_project_minutes"] == 20
    # Five minutes after signing up, and signing up ten minutes before that.
    send(api, [Seen(60 * 595, "first_project_created", "ana")])
    assert ttf(api, "ana")["ttf_project_minutes"] == 5
    send(api, [Seen(60 * 610, "user_signed_up", "ana")])
    for _ in range(2):
        assert ttf(api, "ana")["ttf_project_minutes"] == 15
        assert ttf(api, "ana")["ttf_agent_minutes"] == 25
        settle(project)


def test_ids_that_are_linked_are_one_person_whenever_it_is_said(api: ProjectClient, project: Project) -> None:
    send(api, [Seen(3600, TTF_EVENTS[0], anonymous_id="phone"), Seen(3000, TTF_EVENTS[1], "ana")])
    settle(project)
    assert ttf(api, "ana")["ttf_project_minutes"] is None
    link(api, "phone", "ana")
    assert ttf(api, "ana")["ttf_project_minutes"] == 10
    assert ttf(api, "phone")["ttf_project_minutes"] == 10
    send(api, [Seen(2700, TTF_EVENTS[2], anonymous_id="phone")])
    assert ttf(api, "ana")["ttf_agent_minutes"] == 5


def test_any_journey_by_its_slug(api: ProjectClient, project: Project) -> None:
    pro = {"event_name": "bought", "filters": {"properties.plan": "pro"}}
    make_journey(
        project, {"seen": {"any_of": [{"event_name": "visited"}, {"event_name": "opened"}]}, "bought": pro}
    )
    send(api, [Seen(900, "opened", "ana"), Seen(600, "bought", "ana", plan="free")])
    send(api, [Seen(300, "bought", "ana", plan="pro")])
    person = api.get(f"{JOURNEYS}/buying/users/ana/").json()
    assert (person["complete_minutes"], person["efficiency_score"]) == (10, 100)
    assert [one["minutes"] for one in person["milestones"]] == [None, 10]
    assert [one["is_within_target"] for one in person["milestones"]] == [None, True]
    assert "min(1, target minutes / actual minutes)" in person["efficiency_definition"]
    assert (person["waits_for"], person["waiting_minutes"]) == (None, None)


def test_who_is_on_the_way_waits_for_the_next_milestone(api: ProjectClient) -> None:
    send(api, ttf_events("ana", [4]))
    person = api.get(f"{JOURNEYS}/ttf/users/ana/").json()
    assert person["waits_for"] == "agent"
    assert person["waiting_minutes"] > 500
    assert person["completed_at"] is None


def test_a_journey_that_is_edited_is_answered_by_its_new_milestones_at_once(
    api: ProjectClient, project: Project
) -> None:
    definition = make_journey(project, {"a": {"event_name": "a"}, "b": {"event_name": "b"}})
    send(api, [Seen(900, "a", "ana"), Seen(700, "b", "ana"), Seen(600, "c", "ana")])
    settle(project)
    assert times_on(api, "ana", "buying") == [Seen(900, "").at, Seen(700, "").at]
    Milestone.objects.filter(journey=definition.journey_id, key="b").update(matcher={"event_name": "c"})
    for _ in range(2):
        assert times_on(api, "ana", "buying") == [Seen(900, "").at, Seen(600, "").at]
        settle(project)


def test_people_of_another_project_are_not_there(
    api: ProjectClient, other_api: ProjectClient, project: Project
) -> None:
    make_journey(project, {"a": {"event_name": TTF_EVENTS[0]}, "b": {"event_name": "b"}})
    send(api, ttf_events("ana", [4]))
    settle(project)
    assert other_api.get(f"{TTF}/ana").status_code == 404
    assert other_api.get(f"{JOURNEYS}/buying/").status_code == 404
    assert other_api.get(f"{JOURNEYS}/buying/users/ana/").status_code == 404
    assert other_api.get(f"{JOURNEYS}/ttf/").json()["people"] == 0


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("ttf/nobody", 404),
        ("ttf/%00", 404),
        ("ttf/ana?since=1", 400),
        ("analytics/journeys/ttf/users/nobody", 404),
        ("analytics/journeys/none/", 404),
        ("analytics/journeys/%00/", 404),
        ("analytics/journeys/ttf/?limit=1", 400),
        ("analytics/journeys/ttf/?start=soon", 400),
        ("analytics/journeys/ttf/?start=2026-01-02&end=2026-01-01", 400),
        ("analytics/journeys/ttf/?segment=colour", 400),
        ("analytics/journeys/ttf/?segment=properties.%25s", 200),
        ("analytics/journeys/ttf", 200),
    ],
)
def test_what_is_not_there_and_what_is_not_known(api: ProjectClient, path: str, status: int) -> None:
    answer = api.get(f"/api/v1/{path}")
    assert answer.status_code == status, answer.content
    assert status == 200 or set(answer.json()) >= {"detail", "code"}


def test_ids_may_hold_slashes_and_spaces(api: ProjectClient) -> None:
    send(api, ttf_events("a/b c@d.e", [4]))
    assert ttf(api, "a/b%20c@d.e/")["user_id"] == "a/b c@d.e"


def test_a_key_needs_the_scope_to_read(project: Project) -> None:
    assert client_of(project, ["ingest"]).get(f"{TTF}/ana").status_code == 403


def test_every_project_has_the_journey_by_itself(project: Project) -> None:
    later = make_project("later")
    assert client_of(later).get(f"{JOURNEYS}/ttf/").json()["target_minutes"] == 60
    settle(project)
    assert [one["key"] for one in client_of(project).get(f"{JOURNEYS}/ttf/").json()["milestones"]] == [
        "signup", "project", "agent", "workflow", "success",
    ]  # fmt: skip


def test_a_journey_that_cannot_be_followed_says_why(api: ProjectClient, project: Project) -> None:
    definition = make_journey(project, {"a": {"event_name": "a"}, "b": {"event_name": "b"}})
    Milestone.objects.filter(journey=definition.journey_id).filter(key="b").update(matcher={"event": "b"})
    answer = api.get(f"{JOURNEYS}/buying/")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_journey")
    assert "b.event" in answer.json()["detail"]
    send(api, ttf_events("ana", [4]))
    settle(project)
    assert ttf(api, "ana")["ttf_project_minutes"] == 4
