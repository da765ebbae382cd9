"""Who acknowledges an alert owns it from then on, unless it has an owner."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from alerting import actions
from alerting.models import Alert
from projects.models import Project
from tests.alerting.delivery_rows import make_alert
from tests.alerting.inbox.scene import do, operator
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db


def owner_of(alert: Alert) -> str:
    alert.refresh_from_db()
    return alert.assigned_to.get_username() if alert.assigned_to else ""


def test_who_acknowledges_in_the_admin_owns_it(project: Project) -> None:
    alert = make_alert(project)
    do(operator(project, "ana"), project, "acknowledge", alert)
    assert owner_of(alert) == "ana"
    assert "ana</span>" in operator(project, "bob").get("/admin/inbox/?state=acknowledged").content.decode()


def test_an_owner_stays_the_owner(project: Project) -> None:
    operator(project, "bob")
    alert = make_alert(project, assigned_to=User.objects.get(username="bob"))
    do(operator(project, "ana"), project, "acknowledge", alert)
    assert owner_of(alert) == "bob"


@pytest.mark.parametrize("actor", ["link to ana@example.com", "api key ci", "", "gone", "stranger"])
def test_a_link_a_key_and_who_does_not_see_the_project_own_nothing(project: Project, actor: str) -> None:
    User.objects.create_user("stranger", is_staff=True)
    User.objects.create_user("gone", is_staff=True, is_active=False)
    alert = make_alert(project)
    actions.acknowledge(alert.pk, actor=actor, now=timezone.now())
    assert owner_of(alert) == ""


def test_by_api_nobody_owns_it(api: ProjectClient, project: Project) -> None:
    alert = make_alert(project)
    answer = api.post(f"/api/v1/alerts/{alert.pk}/acknowledge/", {})
    assert (answer.status_code, answer.json()["assigned_to"]) == (200, None)
