"""Channels in the admin: a form per kind, secrets that never come out, a test message."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from alerting.models import NotificationChannel
from projects.models import Project

pytestmark = pytest.mark.django_db

LIST = "/admin/alerting/notificationchannel/"
TOKEN = "xoxb-0123456789"


@pytest.fixture
def admin(client: Client) -> Client:
    client.force_login(get_user_model().objects.create_superuser(username="ada", password="x"))
    return client


def entered(project: Project, **changes: str) -> dict[str, Any]:
    return {"project": project.pk, "name": "ops", "enabled": "on", **changes}


def errors_of(answer: Any) -> dict[str, list[str]]:
    assert answer.status_code == 200, "the form was accepted"
    return dict(answer.context["adminform"].form.errors)


def test_the_kind_is_chosen_first(admin: Client) -> None:
    page = admin.get(f"{LIST}add/").content.decode()
    assert 'href="?kind=email"' in page
    assert 'href="?kind=slack"' in page


def test_a_channel_of_each_kind_is_made_in_its_form(admin: Client, project: Project) -> None:
    mail = entered(project, recipients="a@example.org\nb@example.org")
    answer = admin.post(f"{LIST}add/?kind=email", mail)
    assert answer.status_code == 302, errors_of(answer)
    bot = entered(project, name="slack", bot_token=TOKEN, channel="#ops")
    answer = admin.post(f"{LIST}add/?kind=slack", bot)
    assert answer.status_code == 302, errors_of(answer)
    assert {
        channel.name: (channel.kind, channel.config) for channel in NotificationChannel.objects.all()
    } == {
        "ops": ("email", {"recipients": ["a@example.org", "b@example.org"]}),
        "slack": ("slack", {"bot_token": TOKEN, "channel": "#ops"}),
    }


def test_errors_stand_at_their_fields(admin: Client, project: Project) -> None:
    wrong = admin.post(f"{LIST}add/?kind=email", entered(project, recipients="nobody"))
    assert list(errors_of(wrong)) == ["recipients"]
    admin.post(f"{LIST}add/?kind=email", entered(project, recipients="a@example.org"))
    twin = admin.post(f"{LIST}add/?kind=email", entered(project, recipients="b@example.org"))
    assert errors_of(twin) == {"name": ["This project has a channel of this name."]}


def test_an_edit_keeps_the_secret_and_never_shows_it(admin: Client, project: Project) -> None:
    admin.post(f"{LIST}add/?kind=slack", entered(project, bot_token=TOKEN, channel="#ops"))
    channel = NotificationChannel.objects.get()
    NotificationChannel.objects.update(broken_at=channel.created_at, broken_reason="channel_not_found")
    path = f"{LIST}{channel.pk}/change/"
    page = admin.get(path).content.decode()
    assert page.count("channel_not_found") == 1
    assert 'value="#ops"' in page
    assert TOKEN not in page
    answer = admin.post(path, entered(project, bot_token="", channel="#new"))
    assert answer.status_code == 302, errors_of(answer)
    channel.refresh_from_db()
    assert channel.config == {"bot_token": TOKEN, "channel": "#new"}
    assert channel.broken_at is None


def test_the_list_says_until_when_a_channel_waits_and_an_edit_ends_that(
    admin: Client, project: Project, settings: Any
) -> None:
    settings.EMAIL_URL = "smtp://localhost"
    admin.post(f"{LIST}add/?kind=email", entered(project, recipients="a@example.org"))
    channel = NotificationChannel.objects.get()
    NotificationChannel.objects.update(paused_until=timezone.now() + timedelta(hours=1))
    assert "waits until" in admin.get(LIST).content.decode()
    admin.post(f"{LIST}{channel.pk}/change/", entered(project, recipients="b@example.org"))
    assert "waits until" not in admin.get(LIST).content.decode()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("way", ["page", "list"])
def test_a_test_message_says_what_became_of_it(
    admin: Client, project: Project, way: str, settings: Any
) -> None:
    settings.EMAIL_URL = None
    admin.post(f"{LIST}add/?kind=email", entered(project, recipients="a@example.org"))
    channel = NotificationChannel.objects.get()
    if way == "page":
        answer = admin.post(f"{LIST}{channel.pk}/test/", follow=True)
    else:
        action = {"action": "send_test_messages", "_selected_action": [channel.pk]}
        answer = admin.post(LIST, action, follow=True)
    assert "EMAIL_URL" in answer.content.decode()


def test_the_page_of_messages_lists_them(admin: Client) -> None:
    assert admin.get("/admin/alerting/notification/").status_code == 200
