"""How a channel is and why, what its form asks for, what its deletion means."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from alerting.models import NotificationChannel
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.scenes import make_rule
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db

LIST = "/admin/alerting/notificationchannel/"
NOW = timezone.now()
AN_HOUR_AGO = NOW - timedelta(hours=1)


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def mail_channel(project: Project) -> NotificationChannel:
    channel = NotificationChannel(project=project, name="ops", kind="email")
    channel.config = {"recipients": ["a@example.org"]}
    channel.save()
    return channel


def state_in(page: str) -> tuple[str, str]:
    """The word and the reason of the first channel of the list."""
    word = re.search(r'class="badge[^>]*>\s*<span[^>]*>\w+</span>([^<]*)<', page)
    reason = re.search(r'class="reason">([^<]*)<', page)
    assert word is not None
    return word[1], reason[1] if reason else ""


@pytest.mark.parametrize(
    ("changes", "word", "reason"),
    [
        ({}, "ok", ""),
        ({"enabled": False, "broken_at": NOW}, "disabled", ""),
        ({"broken_at": NOW, "broken_reason": "404: no_team"}, "broken", "404: no_team"),
        ({"last_error_at": NOW, "last_error": "timeout"}, "failing", "timeout"),
        ({"last_error_at": NOW, "last_error": "timeout", "last_sent_at": AN_HOUR_AGO}, "failing", "timeout"),
        ({"last_error_at": AN_HOUR_AGO, "last_error": "timeout", "last_sent_at": NOW}, "ok", ""),
    ],
)
def test_the_list_says_how_a_channel_is_and_why(
    admin: Client, project: Project, changes: dict[str, Any], word: str, reason: str
) -> None:
    NotificationChannel.objects.create(
        project=project, name="ops", kind="slack", config_encrypted="", **changes
    )
    page = admin.get(LIST).content.decode()
    assert state_in(page) == (word, reason)
    assert not reason or page.count(reason) == 1


@pytest.mark.parametrize(
    ("email_url", "state"),
    [
        (None, ("no mail server", "No mail server is set: set EMAIL_URL to smtp://host:port and restart.")),
        ("smtp://localhost", ("ok", "")),
    ],
)
def test_mail_without_a_server_is_not_ok(
    admin: Client, project: Project, settings: Any, email_url: str | None, state: tuple[str, str]
) -> None:
    settings.EMAIL_URL = email_url
    mail_channel(project)
    assert state_in(admin.get(LIST).content.decode()) == state


@pytest.mark.parametrize("email_url", [None, "smtp://localhost"])
def test_the_form_of_mail_says_when_there_is_no_server(
    admin: Client, project: Project, settings: Any, email_url: str | None
) -> None:
    settings.EMAIL_URL = email_url
    page = admin.get(f"{LIST}add/?kind=email").content.decode()
    assert ("set EMAIL_URL to smtp://host:port" in page) is (email_url is None)
    assert "set EMAIL_URL" not in admin.get(f"{LIST}add/?kind=slack").content.decode()


def test_mail_asks_for_recipients(admin: Client, project: Project) -> None:
    page = admin.get(f"{LIST}add/?kind=email").content.decode()
    assert re.search(r"Recipients\s*<span[^>]*>\*", page)
    entered = {"project": project.pk, "name": "ops", "recipients": ""}
    answer = admin.post(f"{LIST}add/?kind=email", entered)
    assert dict(answer.context["adminform"].form.errors) == {"recipients": ["This field is required."]}


@pytest.mark.parametrize("way", ["page", "list"])
def test_deleting_says_which_rules_lose_the_channel(
    admin: Client, project: Project, api: ProjectClient, way: str
) -> None:
    channel = mail_channel(project)
    make_rule(api, name="Disk full", notification_channels=["ops"])
    if way == "page":
        page = admin.get(f"{LIST}{channel.pk}/delete/").content.decode()
    else:
        chosen = {"action": "delete_selected", "_selected_action": [channel.pk]}
        page = admin.post(LIST, chosen).content.decode()
    assert "Rule Disk full no longer tells anybody there" in page
    assert "object (" not in page
    admin.post(f"{LIST}{channel.pk}/delete/", {"post": "yes"})
    assert not NotificationChannel.objects.exists()


def test_pages_call_it_a_channel(admin: Client, project: Project) -> None:
    channel = mail_channel(project)
    for path in (LIST, f"{LIST}{channel.pk}/change/", f"{LIST}{channel.pk}/delete/"):
        assert "otification channel" not in admin.get(path).content.decode()
