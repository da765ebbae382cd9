"""Saved funnels over HTTP: made, listed, answered, and refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from analytics.models.funnels import SavedFunnel
from tests.analytics.funnels.test_page import BUYING, MOMENT, send_buyers
from tests.clients import ProjectClient, client_of

pytestmark = pytest.mark.django_db
FUNNELS = "/api/v1/analytics/funnels/"


def test_a_funnel_is_saved_listed_and_answered(api: ProjectClient) -> None:
    send_buyers(api)
    made = api.post(FUNNELS, {"name": "Buying things", "question": BUYING, "is_recorded": True})
    assert made.status_code == 201, made.content
    assert made.json()["slug"] == "buying-things"
    api.post(FUNNELS, {"name": "Other", "question": BUYING})
    assert [one["slug"] for one in api.results(FUNNELS)] == ["other", "buying-things"]
    assert api.results(FUNNELS)[1] == made.json()
    answer = api.get(f"{FUNNELS}buying-things")
    assert [step["count"] for step in answer.json()["steps"]] == [4, 2, 1]
    before = api.get(f"{FUNNELS}buying-things/?end={MOMENT.timestamp()}")
    assert [step["count"] for step in before.json()["steps"]] == [0, 0, 0]


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"question": BUYING}, "name"),
        ({"name": "a"}, "question"),
        ({"name": "a", "question": []}, "question"),
        ({"name": "a", "question": {"steps": [{"event_name": "x", "name": "\0"}]}}, "question"),
        ({"name": "a", "question": {**BUYING, "start": "2026-01-01"}}, "start"),
        ({"name": "a", "question": {"steps": [{"event": "x"}]}}, "steps[0].event"),
        ({"name": "a", "question": BUYING, "colour": "red"}, "colour"),
        ({"name": "a", "question": BUYING, "recorded_days": 0}, "recorded_days"),
        ([], ""),
    ],
)
def test_what_makes_no_funnel_is_refused_by_its_key(api: ProjectClient, body: Any, key: str) -> None:
    answer = api.post(FUNNELS, body)
    assert answer.status_code == 400
    assert key in answer.content.decode()
    assert not SavedFunnel.objects.filter(project=api.project).exists()


def test_a_comparison_needs_a_range(api: ProjectClient) -> None:
    api.post(FUNNELS, {"name": "Buying", "question": {**BUYING, "compare": True}})
    assert api.get(f"{FUNNELS}buying/").status_code == 400
    answer = api.get(f"{FUNNELS}buying/?start=2026-01-01&end=2026-01-02")
    assert answer.json()["previous"]["steps"][0]["count"] == 0


def test_another_projects_funnels_are_not_there(api: ProjectClient, other_api: ProjectClient) -> None:
    api.post(FUNNELS, {"name": "Buying", "question": BUYING})
    assert other_api.results(FUNNELS) == []
    assert other_api.get(f"{FUNNELS}buying/").status_code == 404
    assert api.get(f"{FUNNELS}%00/").status_code == 404


def test_saving_takes_the_scope_manage_and_parameters_are_known(api: ProjectClient) -> None:
    reader = client_of(api.project, ["read"])
    assert reader.post(FUNNELS, {"name": "Buying", "question": BUYING}).status_code == 403
    assert reader.get(FUNNELS).status_code == 200
    assert "colour" in api.get(f"{FUNNELS}?colour=red").content.decode()
    api.post(FUNNELS, {"name": "Buying", "question": BUYING})
    assert api.get(f"{FUNNELS}buying/?unit=session").status_code == 400
