"""Policies, inhibition rules and maintenance windows by API, and a channel's quiet hours."""

from __future__ import annotations

from typing import Any

import pytest

from alerting.models import NotificationChannel, NotificationPolicy
from projects.models import Project
from tests.alerting.delivery_rows import make_channel
from tests.clients import ProjectClient, client_of
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

POLICIES, INHIBITIONS = "/api/v1/notification-policies/", "/api/v1/inhibition-rules/"
WINDOWS = "/api/v1/maintenance-windows/"
INHIBITION = {"name": "root", "source_matchers": ["rule=Root"], "target_matchers": ["rule!=Root"]}
WINDOW = {"name": "nightly", "starts_at": "2099-01-01T02:00:00Z", "recurrence": "FREQ=DAILY"}


@pytest.fixture
def project(db: None) -> Project:
    return make_project("shop")


@pytest.fixture
def api(project: Project) -> ProjectClient:
    return client_of(project)


@pytest.fixture
def channel(project: Project) -> NotificationChannel:
    return make_channel(project, "email", {"recipients": ["ana@example.com"]})


def test_a_policy_is_made_changed_and_deleted(api: ProjectClient, channel: NotificationChannel) -> None:
    body = {
        "name": "critical",
        "matchers": ["severity=critical"],
        "group_by": ["rule"],
        "channels": [channel.name],
        "repeat_interval_seconds": 0,
    }
    answer = api.post(POLICIES, body)
    assert answer.status_code == 201, answer.content
    made = answer.json()
    assert made == {
        "id": made["id"],
        "name": "critical",
        "position": 0,
        "matchers": ['severity="critical"'],
        "group_by": ["rule"],
        "group_wait_seconds": 30,
        "group_interval_seconds": 300,
        "repeat_interval_seconds": 0,
        "channels": [channel.name],
        "enabled": True,
    }
    changed = api.patch(f"{POLICIES}{made['id']}/", {"enabled": False}).json()
    assert changed == {**made, "enabled": False}
    assert api.results(f"{POLICIES}?enabled=false") == [changed]
    assert api.delete(f"{POLICIES}{made['id']}/").status_code == 204
    assert not NotificationPolicy.objects.exists()


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (POLICIES, {"name": "x", "matchers": ["severity"]}, "matchers"),
        (POLICIES, {"name": "x", "channels": ["nobody"]}, "channels"),
        (POLICIES, {"name": "x", "group_wait_seconds": -1}, "group_wait_seconds"),
        (POLICIES, {"name": "taken"}, "name"),
        (POLICIES, {"name": "x", "route": "y"}, "route"),
        (INHIBITIONS, {**INHIBITION, "source_matchers": []}, "source_matchers"),
        (INHIBITIONS, {**INHIBITION, "target_matchers": ["a=~("]}, "target_matchers"),
        (WINDOWS, {**WINDOW, "recurrence": "FREQ=SECONDLY"}, "recurrence"),
        (WINDOWS, {**WINDOW, "time_zone": "Mars"}, "time_zone"),
        (WINDOWS, {**WINDOW, "duration_minutes": 0}, "duration_minutes"),
        (WINDOWS, {**WINDOW, "duration_minutes": 10**6}, "duration_minutes"),
        (WINDOWS, {"name": "x"}, "starts_at"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_by_field(
    api: ProjectClient, path: str, body: dict[str, Any], field: str
) -> None:
    api.post(POLICIES, {"name": "taken"})
    answer = api.post(path, body)
    assert answer.status_code == 400, answer.content
    assert list(answer.json()["errors"]) == [field]


def test_a_window_says_when_it_runs_next(api: ProjectClient) -> None:
    made = api.post(WINDOWS, {**WINDOW, "time_zone": "Europe/Berlin", "duration_minutes": 90}).json()
    assert made["next_occurrences"][0] == {
        "start": "2099-01-01T02:00:00+00:00",
        "end": "2099-01-01T03:30:00+00:00",
    }
    assert len(made["next_occurrences"]) == 5


@pytest.mark.parametrize(
    ("path", "body"), [(POLICIES, {"name": "x"}), (INHIBITIONS, INHIBITION), (WINDOWS, WINDOW)]
)
def test_a_setting_belongs_to_its_project_and_changing_takes_the_scope_for_it(
    api: ProjectClient, project: Project, other_api: ProjectClient, path: str, body: dict[str, Any]
) -> None:
    made = api.post(path, body).json()
    assert other_api.get(f"{path}{made['id']}/").status_code == 404
    assert other_api.delete(f"{path}{made['id']}/").status_code == 404
    reader = client_of(project, ["read"])
    assert reader.get(f"{path}{made['id']}/").json() == made
    assert reader.patch(f"{path}{made['id']}/", {"enabled": False}).status_code == 403


def test_a_channel_takes_quiet_hours_and_a_limit(api: ProjectClient, channel: NotificationChannel) -> None:
    path = f"/api/v1/notification-channels/{channel.pk}/"
    quiet = {"quiet_from": "22:00:00", "quiet_until": "07:00:00", "quiet_timezone": "Europe/Berlin"}
    body = {**quiet, "quiet_severities": ["info", "warning"], "max_messages_per_minute": 5}
    answer = api.patch(path, body).json()
    assert {name: answer[name] for name in body} == body
    for wrong in ({"quiet_until": None}, {"quiet_timezone": "Mars"}, {"quiet_severities": ["loud"]}):
        refused = api.patch(path, wrong)
        assert refused.status_code == 400, refused.content
