"""Policies, inhibition, silences and maintenance in the admin: plain forms, words, previews."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client
from django.utils import timezone

from alerting.models import (
    InhibitionRule,
    MaintenanceWindow,
    NotificationChannel,
    NotificationPolicy,
    Silence,
)
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.delivery_rows import make_channel
from tests.alerting.policy.stage import fire
from tests.conftest import make_project

pytestmark = pytest.mark.django_db

ADMIN = "/admin/alerting"


@pytest.fixture
def project(db: None) -> Project:
    return make_project("shop")


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


@pytest.fixture
def channel(project: Project) -> NotificationChannel:
    return make_channel(project, "email", {"recipients": ["ana@example.com"]})


def save(admin: Client, path: str, **fields: Any) -> str:
    """The page after saving; its errors where it came back."""
    answer = admin.post(f"{ADMIN}/{path}", fields, follow=True)
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_policy_is_entered_line_by_line_and_says_what_it_does(
    admin: Client, project: Project, channel: NotificationChannel
) -> None:
    page = save(
        admin,
        "notificationpolicy/add/",
        project=project.pk,
        name="critical",
        position=1,
        enabled="on",
        matchers="severity=critical\n\nrule=~Disk.*",
        group_by="rule, host_name",
        group_wait_seconds=30,
        group_interval_seconds=300,
        repeat_interval_seconds=3600,
        channels=[channel.pk],
    )
    policy = NotificationPolicy.objects.get()
    assert policy.matchers == ['severity="critical"', 'rule=~"Disk.*"']
    assert policy.group_by == ["rule", "host_name"]
    assert list(policy.channels.all()) == [channel]
    assert "in one message per rule and host_name: the first after 30 s" in page
    assert "again every 1 h until somebody acts" in page


def test_a_wrong_matcher_comes_back_with_the_place_of_the_mistake(admin: Client, project: Project) -> None:
    page = save(
        admin,
        "inhibitionrule/add/",
        project=project.pk,
        name="root",
        source_matchers="rule=Root",
        target_matchers="rule",
    )
    assert "must follow the name, at character 5" in page
    assert not InhibitionRule.objects.exists()
    page = save(
        admin,
        "inhibitionrule/add/",
        project=project.pk,
        name="root",
        enabled="on",
        source_matchers="rule=Root",
        target_matchers="rule!=Root",
        equal_labels="host_name",
    )
    assert "of the same host_name fires." in page


@pytest.mark.parametrize(
    ("chosen", "rule"),
    [
        ({"repeats": ""}, ""),
        ({"repeats": "FREQ=DAILY"}, "FREQ=DAILY"),
        ({"repeats": "FREQ=WEEKLY", "weekdays": ["SA", "SU"]}, "FREQ=WEEKLY;BYDAY=SA,SU"),
        ({"repeats": "other", "recurrence": "FREQ=MONTHLY;BYDAY=1SU"}, "FREQ=MONTHLY;BYDAY=1SU"),
    ],
)
def test_a_window_begins_on_the_clock_of_its_zone_and_shows_what_comes(
    admin: Client, project: Project, chosen: dict[str, Any], rule: str
) -> None:
    fields = {
        "project": project.pk,
        "name": "nightly",
        "enabled": "on",
        "matchers": "",
        "starts_at": "2098-07-06T02:30",
        "duration_minutes": 60,
        "time_zone": "Europe/Berlin",
        **chosen,
    }
    save(admin, "maintenancewindow/add/", **fields)
    window = MaintenanceWindow.objects.get()
    assert window.recurrence == rule
    assert f"{window.starts_at:%H:%M}" == "00:30"
    page = admin.get(f"{ADMIN}/maintenancewindow/{window.pk}/change/").content.decode()
    assert 'value="2098-07-06T02:30"' in page
    assert "Runs next" in page


def test_a_hostile_recurrence_is_refused_on_the_form(admin: Client, project: Project) -> None:
    page = save(
        admin,
        "maintenancewindow/add/",
        project=project.pk,
        name="never",
        starts_at="2026-01-01T00:00",
        duration_minutes=60,
        time_zone="UTC",
        repeats="other",
        recurrence="FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
    )
    assert "never comes true" in page
    assert not MaintenanceWindow.objects.exists()


def silence_fields(project: Project, **changes: Any) -> dict[str, Any]:
    return {
        "project": project.pk,
        "matchers": "host_name=web-1",
        "lasts": "120",
        "comment": "known",
        **changes,
    }


def test_a_silence_is_made_for_a_while_by_who_is_logged_in(admin: Client, project: Project) -> None:
    page = save(admin, "silence/add/", **silence_fields(project))
    silence = Silence.objects.get()
    assert silence.ends_at - silence.starts_at == timedelta(hours=2)
    assert silence.author == get_user_model().objects.get().get_username()
    assert "active" in page
    assert "every alert" not in page


def test_a_silence_over_everything_is_refused(admin: Client, project: Project) -> None:
    page = save(admin, "silence/add/", **silence_fields(project, matchers="host_name=~.*"))
    assert "At least one matcher must not match the empty text." in page


def test_changing_what_a_silence_means_expires_it_and_makes_another(admin: Client, project: Project) -> None:
    save(admin, "silence/add/", **silence_fields(project))
    first = Silence.objects.get()
    until = (timezone.now() + timedelta(hours=3)).strftime("%Y-%m-%dT%H:%M")
    fields = silence_fields(
        project,
        matchers="host_name=web-2",
        lasts="until",
        starts_at=first.starts_at.strftime("%Y-%m-%dT%H:%M"),
        ends_at=until,
    )
    save(admin, f"silence/{first.pk}/change/", **fields)
    second = Silence.objects.get(replaces=first)
    first.refresh_from_db()
    assert first.ends_at <= timezone.now() < second.ends_at
    assert second.matchers == ['host_name="web-2"']
    answer = admin.post(f"{ADMIN}/silence/", {"action": "expire_selected", "_selected_action": [second.pk]})
    assert answer.status_code == 302
    second.refresh_from_db()
    assert second.ends_at <= timezone.now()
    assert admin.get(f"{ADMIN}/silence/{second.pk}/delete/").status_code == 403


def test_a_preview_answers_while_matchers_are_typed(admin: Client, project: Project) -> None:
    fire(project, now=timezone.now(), labels={"host_name": "web-1"})
    path = f"{ADMIN}/silence/preview/"
    page = admin.post(path, {"project": project.pk, "matchers": "host_name=web-1"}).content.decode()
    assert "Hides now: 1 open alert<" in page
    assert "Would have hidden in the last 7 days: 1 alert<" in page
    page = admin.post(path, {"project": project.pk, "matchers": "host_name"}).content.decode()
    assert "must follow the name" in page


def test_alerts_lead_to_a_silence_that_means_them_and_then_show_it(admin: Client, project: Project) -> None:
    alert = fire(project, now=timezone.now(), labels={"host_name": "web-1"})
    chosen = {"action": "silence_selected", "_selected_action": [str(alert.pk)]}
    answer = admin.post(f"{ADMIN}/alert/?project={project.pk}", chosen)
    form = admin.get(answer["Location"]).content.decode()
    assert "host_name=&quot;web-1&quot;" in form
    save(admin, "silence/add/", **silence_fields(project))
    assert "silenced" in admin.get(f"{ADMIN}/alert/?project={project.pk}").content.decode()


def test_a_member_sees_and_makes_settings_of_their_projects_only(project: Project) -> None:
    bank = make_project("bank")
    NotificationPolicy.objects.create(project=bank, name="secret")
    user = get_user_model().objects.create_user(username="ben", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(content_type__app_label="alerting"))
    project.members.add(user)
    client = Client()
    client.force_login(user)
    assert "secret" not in client.get(f"{ADMIN}/notificationpolicy/").content.decode()
    save(client, "silence/add/", **silence_fields(bank))
    assert not Silence.objects.exists()
    preview = client.post(f"{ADMIN}/silence/preview/", {"project": bank.pk, "matchers": "a=b"})
    assert "Hides now" not in preview.content.decode()


def test_a_channel_takes_quiet_hours_on_its_form(
    admin: Client, project: Project, channel: NotificationChannel
) -> None:
    fields = {
        "name": channel.name,
        "enabled": "on",
        "recipients": "ana@example.com",
        "quiet_from": "22:00",
        "quiet_until": "07:00",
        "quiet_timezone": "Europe/Berlin",
        "quiet_severities": ["info", "warning"],
        "max_messages_per_minute": "5",
    }
    path = f"notificationchannel/{channel.pk}/change/"
    assert "need both a start and an end" in save(admin, path, **{**fields, "quiet_until": ""})
    save(admin, path, **fields)
    channel.refresh_from_db()
    assert (f"{channel.quiet_from:%H:%M}", channel.quiet_severities) == ("22:00", ["info", "warning"])
    assert channel.max_messages_per_minute == 5
