"""Whoever saves a slug at the same time as somebody else is told so by the form."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models.signals import pre_save

from analytics.models.features import Feature
from analytics.models.journeys import Journey
from projects.models import Project
from storage.connections import connect
from tests.admin import superuser_client
from tests.conftest import make_project

FORM = {"name": "Search", "slug": "search", "matcher": '{"event_name": "searched"}', "window_days": 7}


@pytest.mark.django_db(transaction=True)
def test_a_slug_that_is_taken_between_check_and_save_is_the_forms_error() -> None:
    project = make_project("shop")

    def somebody_else(instance: Feature, **_: Any) -> None:
        pre_save.disconnect(somebody_else, sender=Feature)
        with connect() as own:
            own.execute(
                "INSERT INTO analytics_feature (project_id, name, slug, description, matcher, window_days)"
                " VALUES (%s, 'Theirs', 'search', '', '{}', 7)",
                [project.pk],
            )

    pre_save.connect(somebody_else, sender=Feature)
    try:
        answer = superuser_client().post("/admin/analytics/feature/add/", {**FORM, "project": project.pk})
    finally:
        pre_save.disconnect(somebody_else, sender=Feature)
    assert answer.status_code == 200
    assert "with this Project and Slug already exists" in answer.content.decode()
    assert Feature.objects.get(project=project).name == "Theirs"


@pytest.mark.django_db
def test_a_journey_keeps_its_slug_so_that_it_can_not_take_another_ones(project: Project) -> None:
    for slug in ("buying", "selling"):
        Journey.objects.create(project=project, slug=slug, name=slug)
    journey = Journey.objects.get(project=project, slug="selling")
    shown = superuser_client().get(f"/admin/analytics/journey/{journey.pk}/change/").content.decode()
    assert 'name="name"' in shown
    assert 'name="slug"' not in shown
