"""Moments on the forms of silences and windows: the end of time is an error, an unchanged one stays as it is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerting.models import MaintenanceWindow, Silence
from alerting.policy import silences
from projects.models import Project
from tests.admin import superuser_client

pytestmark = pytest.mark.django_db

ADMIN = "/admin/alerting"
LAST_HOUR = "9999-12-31T23:00"


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


@pytest.fixture
def running(project: Project) -> Silence:
    """One that began at a moment with seconds, as by API, and lasts."""
    now = timezone.now()
    return silences.create(
        project_id=project.pk,
        matchers=["host_name=web-1"],
        starts_at=now - timedelta(minutes=5, seconds=7, microseconds=9),
        ends_at=now + timedelta(hours=1, seconds=7, microseconds=9),
        author="ana",
        comment="known",
        now=now,
    )


def errors_of(answer: Any) -> set[str]:
    assert answer.status_code == 200, "the form was accepted"
    return set(answer.context["adminform"].form.errors)


def as_shown(silence: Silence, **changes: str) -> dict[str, str]:
    """The form as it comes up, with changes."""
    shown = {name: f"{getattr(silence, name):%Y-%m-%dT%H:%M}" for name in ("starts_at", "ends_at")}
    return {"matchers": "\n".join(silence.matchers), "lasts": "until", "comment": "known", **shown, **changes}


@pytest.mark.parametrize(
    "times",
    [
        {"starts_at": LAST_HOUR, "lasts": "10080"},
        {"starts_at": LAST_HOUR, "lasts": "until", "ends_at": "9999-12-31T23:30"},
    ],
)
def test_a_silence_at_the_end_of_time_is_refused(
    admin: Client, project: Project, times: dict[str, str]
) -> None:
    fields = {"project": project.pk, "matchers": "host_name=web-1", "comment": "known", **times}
    assert "starts_at" in errors_of(admin.post(f"{ADMIN}/silence/add/", fields))


@pytest.mark.parametrize(("zone"), ["America/New_York", "Asia/Tokyo", "UTC"])
@pytest.mark.parametrize("moment", [LAST_HOUR, "0001-01-01T00:30"])
def test_a_window_at_the_ends_of_time_is_refused(
    admin: Client, project: Project, zone: str, moment: str
) -> None:
    fields = {
        "project": project.pk,
        "name": "never",
        "starts_at": moment,
        "duration_minutes": 60,
        "time_zone": zone,
        "repeats": "",
    }
    assert errors_of(admin.post(f"{ADMIN}/maintenancewindow/add/", fields)) == {"starts_at"}


def test_the_page_of_a_window_at_the_end_of_time_opens(admin: Client, project: Project) -> None:
    window = MaintenanceWindow.objects.create(
        project=project,
        name="never",
        starts_at=datetime(9999, 12, 31, 23, tzinfo=UTC),
        duration_minutes=60,
        time_zone="Asia/Tokyo",
        enabled=False,
    )
    assert admin.get(f"{ADMIN}/maintenancewindow/{window.pk}/change/").status_code == 200


def test_another_comment_changes_a_running_silence_and_does_not_replace_it(
    admin: Client, running: Silence
) -> None:
    answer = admin.post(f"{ADMIN}/silence/{running.pk}/change/", as_shown(running, comment="ticket 7"))
    assert answer.status_code == 302
    (silence,) = Silence.objects.all()
    assert (silence.comment, silence.starts_at, silence.ends_at) == (
        "ticket 7",
        running.starts_at,
        running.ends_at,
    )


@pytest.mark.parametrize("button", ["_save", "_continue"])
def test_the_page_goes_on_with_the_silence_that_replaces_the_former(
    admin: Client, running: Silence, button: str
) -> None:
    fields = as_shown(running, matchers="host_name=web-2", **{button: "1"})
    answer = admin.post(f"{ADMIN}/silence/{running.pk}/change/", fields)
    successor = Silence.objects.get(replaces=running)
    assert answer.headers["Location"] == f"{ADMIN}/silence/{successor.pk}/change/"


def test_a_window_keeps_the_second_it_begins_at(admin: Client, project: Project) -> None:
    begins = datetime(2098, 7, 6, 0, 30, 17, tzinfo=UTC)
    window = MaintenanceWindow.objects.create(
        project=project, name="nightly", starts_at=begins, duration_minutes=60, time_zone="Europe/Berlin"
    )
    fields = {"name": "daily", "enabled": "on", "starts_at": "2098-07-06T02:30", "duration_minutes": 60}
    path = f"{ADMIN}/maintenancewindow/{window.pk}/change/"
    assert admin.post(path, {**fields, "time_zone": "Europe/Berlin", "repeats": ""}).status_code == 302
    window.refresh_from_db()
    assert (window.name, window.starts_at) == ("daily", begins)
