"""Journeys are defined in the admin."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.journeys.reading import journey_named
from analytics.journeys.ready import TTF
from analytics.models.journeys import Journey, Milestone
from projects.models import Project
from tests.admin import member_client, superuser_client

pytestmark = pytest.mark.django_db
PAGES = "/admin/analytics/journey"


def form(project: Project, *milestones: dict[str, Any], **fields: Any) -> dict[str, Any]:
    data: dict[str, Any] = {
        "project": project.pk,
        "name": "Buying",
        "slug": "buying",
        "follow_minutes": 60,
        "milestones-TOTAL_FORMS": len(milestones),
        "milestones-INITIAL_FORMS": 0,
        **fields,
    }
    for number, milestone in enumerate(milestones):
        values = {"position": number, "name": "x", "weight": 1, **milestone}
        data |= {f"milestones-{number}-{name}": value for name, value in values.items()}
    return data


SEEN = {"key": "seen", "matcher": '{"event_name": "visited"}'}
BOUGHT = {"key": "bought", "matcher": '{"event_name": "bought"}', "target_minutes": 10}


def test_a_journey_with_its_milestones_is_made_on_one_form(project: Project) -> None:
    answer = superuser_client().post(f"{PAGES}/add/", form(project, SEEN, BOUGHT))
    assert answer.status_code == 302, answer.content
    definition = journey_named(project.pk, "buying")
    assert definition
    assert [stage.key for stage in definition.stages] == ["seen", "bought"]


@pytest.mark.parametrize(
    ("milestones", "message"),
    [
        ([SEEN, {**BOUGHT, "matcher": '{"event": "bought"}'}], "event: Unknown key."),
        ([SEEN, {**BOUGHT, "weight": 0}], "needs a weight above 0"),
        ([SEEN], "2 to 20 milestones, not 1"),
    ],
)
def test_what_makes_no_journey_is_told_on_the_form(
    project: Project, milestones: list[dict[str, Any]], message: str
) -> None:
    answer = superuser_client().post(f"{PAGES}/add/", form(project, *milestones))
    assert answer.status_code == 200
    assert message in answer.content.decode()
    assert not Journey.objects.filter(project=project, slug="buying").exists()


def test_the_ready_journey_can_be_changed_but_not_deleted(project: Project) -> None:
    assert journey_named(project.pk, TTF)
    ready = Journey.objects.get(project=project, slug=TTF)
    client = superuser_client()
    assert client.get(f"{PAGES}/{ready.pk}/change/").status_code == 200
    assert client.post(f"{PAGES}/{ready.pk}/delete/", {"post": "yes"}).status_code == 403
    assert Milestone.objects.filter(journey=ready).count() == 5


def test_members_see_the_journeys_of_their_projects(project: Project, other_project: Project) -> None:
    for one in (project, other_project):
        Journey.objects.create(project=one, slug=f"way-of-{one.name}", name=f"Way of {one.name}")
    page = member_client(project, "analytics.journey").get(f"{PAGES}/").content.decode()
    assert "Way of shop" in page
    assert "Way of bank" not in page
