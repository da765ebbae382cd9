"""A channel that is pointed elsewhere: its secrets stay behind, so do its threads, closed addresses are said."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from alerting.channels import ConfigError, kind
from alerting.models import ChannelThread, NotificationChannel
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.delivery_rows import make_alert, make_channel
from tests.clients import client_of

pytestmark = pytest.mark.django_db

LIST = "/admin/alerting/notificationchannel/"
API = "/api/v1/notification-channels/"
KEY = "0123456789abcdef0123456789abcdef"
EU = "https://events.eu.pagerduty.com"
ELSEWHERE = "https://eve.example.com/in"

PAGERDUTY = {"routing_key": KEY, "url": "https://events.pagerduty.com"}
WEBHOOK = {
    "url": "https://example.com/in",
    "secret": "sesame-sesame",
    "headers": {"Authorization": "Bearer c"},
    "format": "native",
}
BOT = {"bot_token": "xoxb-12345678", "channel": "#ops", "signing_secret": "0123456789abcdef"}
DISCORD = {"url": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js", "service": "discord"}


@pytest.fixture
def admin(db: None) -> Client:
    return superuser_client()


def edit(admin: Client, channel: NotificationChannel, entered: dict[str, str]) -> Any:
    return admin.post(f"{LIST}{channel.pk}/change/", {"name": channel.name, "enabled": "on", **entered})


def patch(project: Project, channel: NotificationChannel, config: dict[str, Any]) -> Any:
    return client_of(project).patch(f"{API}{channel.pk}/", {"config": config})


def stored(channel: NotificationChannel) -> dict[str, Any]:
    channel.refresh_from_db()
    return channel.config


@pytest.mark.parametrize(
    ("name", "config", "moved", "fields"),
    [
        ("pagerduty", PAGERDUTY, {"url": EU}, {"routing_key"}),
        ("webhook", WEBHOOK, {"url": ELSEWHERE}, {"secret", "headers"}),
        ("webhook", WEBHOOK, {"url": ELSEWHERE, "secret": "another-one"}, {"headers"}),
    ],
)
def test_stored_secrets_do_not_follow_to_another_address(
    *,
    admin: Client,
    project: Project,
    name: str,
    config: dict[str, Any],
    moved: dict[str, str],
    fields: set[str],
) -> None:
    channel = make_channel(project, name, config)
    answer = patch(project, channel, moved)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]["config"]) == fields
    page = edit(admin, channel, moved)
    assert page.status_code == 200
    assert set(page.context["adminform"].form.errors) == fields
    assert stored(channel) == config


def test_secrets_entered_again_or_given_up_let_the_address_change(admin: Client, project: Project) -> None:
    by_api, by_form = (make_channel(project, "webhook", WEBHOOK, name) for name in ("api", "form"))
    answer = patch(project, by_api, {"url": ELSEWHERE, "secret": "another-one", "headers": None})
    assert answer.status_code == 200, answer.content
    assert stored(by_api) == {"url": ELSEWHERE, "secret": "another-one", "format": "native"}
    assert (
        edit(admin, by_form, {"url": ELSEWHERE, "secret": "another-one", "headers": "-"}).status_code == 302
    )
    assert stored(by_form) == stored(by_api)


def test_the_same_address_entered_again_keeps_the_secrets(admin: Client, project: Project) -> None:
    channel = make_channel(project, "webhook", WEBHOOK)
    assert patch(project, channel, {"url": WEBHOOK["url"], "format": "alertmanager"}).status_code == 200
    assert edit(admin, channel, {"url": str(WEBHOOK["url"])}).status_code == 302
    assert stored(channel) == WEBHOOK


@pytest.mark.parametrize(
    "url",
    [
        "http://events.pagerduty.com",
        "https://eve.example.com",
        "https://events.pagerduty.com.eve.example.com",
    ],
)
def test_only_pagerduty_or_a_relay_that_the_settings_name_gets_the_key(settings: Settings, url: str) -> None:
    with pytest.raises(ConfigError) as error:
        kind("pagerduty").parse_config({"routing_key": KEY, "url": url})
    assert set(error.value.errors) == {"url"}
    settings.TELEMETRY_OUTBOUND_ALLOW = ("10.0.0.0/8", url.partition("//")[2])
    for named in (url, "http://10.1.2.3:8080"):
        assert kind("pagerduty").parse_config({"routing_key": KEY, "url": named})["url"] == named


@pytest.mark.parametrize(
    ("name", "config", "change", "left"),
    [
        ("slack", BOT, {"channel": "#other"}, 0),
        ("slack", BOT, {"bot_token": "xoxb-87654321"}, 0),
        ("slack", BOT, {"signing_secret": "another-secret"}, 1),
        ("apprise", DISCORD, {"url": "discord://4174216298/another-token-of-theirs"}, 0),
    ],
)
@pytest.mark.parametrize("way", ["api", "form"])
def test_threads_are_forgotten_with_the_place_they_are_in(
    *,
    admin: Client,
    project: Project,
    name: str,
    config: dict[str, Any],
    change: dict[str, str],
    left: int,
    way: str,
) -> None:
    channel, other = make_channel(project, name, config), make_channel(project, name, config, "other")
    for one in (channel, other):
        ChannelThread.objects.create(alert=make_alert(project), channel=one, reference={"ts": "1"})
    if way == "api":
        assert patch(project, channel, change).status_code == 200
    else:
        shown = {"channel": "#ops"} if name == "slack" else {}
        assert edit(admin, channel, {**shown, **change}).status_code == 302
    assert ChannelThread.objects.filter(channel=channel).count() == left
    assert ChannelThread.objects.filter(channel=other).count() == 1


@pytest.mark.parametrize(
    ("name", "url", "is_said"),
    [
        ("webhook", "https://10.1.2.3/in", True),
        ("webhook", "https://[fd00::1]/in", True),
        ("webhook", "https://127.0.0.1/in", False),
        ("webhook", "https://1.1.1.1/in", False),
        ("webhook", "https://example.com/in", False),
        ("apprise", "gotifys://10.1.2.3/AAaAaAAaAaaaAa_", True),
        ("apprise", str(DISCORD["url"]), False),
    ],
)
def test_an_address_inside_is_saved_with_a_warning_unless_the_settings_open_it(
    admin: Client, project: Project, name: str, url: str, is_said: bool
) -> None:
    entered = {"project": project.pk, "name": "new", "enabled": "on", "url": url}
    answer = admin.post(f"{LIST}add/?kind={name}", entered, follow=True)
    assert NotificationChannel.objects.count() == 1
    assert ("until TELEMETRY_OUTBOUND_ALLOW names it" in answer.content.decode()) is is_said
    body = {"name": "by api", "kind": name, "config": {"url": url}}
    assert client_of(project).post(API, body).status_code == 201
