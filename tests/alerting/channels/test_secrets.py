"""No secret of any kind of channel comes out again: not in the admin, the API, the log, or beside an error."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from alerting.channels import channel_kinds, kind
from alerting.delivery import deliver_due, send_test
from alerting.models import Notification, NotificationChannel
from projects.models import Project
from tests.admin import superuser_client
from tests.alerting.delivery_rows import NOW, make_alert, make_channel, make_notification
from tests.clients import client_of

pytestmark = pytest.mark.django_db

MARK = "5e5a3e"
LIST = "/admin/alerting/notificationchannel/"

# For each kind a configuration in which every secret holds the mark.
CONFIGS: dict[str, list[dict[str, Any]]] = {
    "email": [{"recipients": ["ana@example.com"]}],
    "slack": [
        {"webhook_url": f"http://localhost:1/{MARK}"},
        {"bot_token": f"xoxb-{MARK}", "channel": "#ops", "signing_secret": f"signing-{MARK}"},
    ],
    "webhook": [
        {
            "url": f"http://localhost:1/{MARK}",
            "secret": f"signing-{MARK}",
            "headers": {"Authorization": f"Bearer {MARK}"},
            "format": "native",
        }
    ],
    "pagerduty": [{"routing_key": MARK + "a" * 26, "url": "http://localhost:1"}],
    "apprise": [{"url": f"gotifys://localhost:1/AAaAaA{MARK}AAA", "service": "gotifys"}],
}
CASES = [(name, config) for name, configs in CONFIGS.items() for config in configs]


def aimed(config: dict[str, Any], port: int) -> dict[str, Any]:
    """At a server that is there."""
    return {
        name: value.replace("localhost:1", f"localhost:{port}") if isinstance(value, str) else value
        for name, value in config.items()
    }


def test_the_list_of_this_test_has_every_secret_of_every_kind() -> None:
    assert set(CONFIGS) == set(channel_kinds())
    for name, configs in CONFIGS.items():
        secrets = {field for config in configs for field in config if MARK in str(config[field])}
        assert secrets == kind(name).secret_fields


@pytest.mark.parametrize(("name", "config"), CASES)
def test_secrets_are_in_no_page_and_no_answer(project: Project, name: str, config: dict[str, Any]) -> None:
    channel = make_channel(project, name, kind(name).parse_config(config))
    admin = superuser_client()
    api = client_of(project)
    pages = [
        admin.get(LIST),
        admin.get(f"{LIST}{channel.pk}/change/"),
        admin.get(f"{LIST}{channel.pk}/history/"),
        admin.post(f"{LIST}{channel.pk}/change/", _wrong(config)),
        api.get("/api/v1/notification-channels/"),
        api.get(f"/api/v1/notification-channels/{channel.pk}/"),
        api.patch(f"/api/v1/notification-channels/{channel.pk}/", {"config": config}),
    ]
    for page in pages:
        assert page.status_code == 200, page.content
        assert MARK not in page.content.decode()
    assert MARK not in channel.config_encrypted


def _wrong(config: dict[str, Any]) -> dict[str, Any]:
    """A form that comes back with an error, its secrets entered."""
    entered = {
        name: value if isinstance(value, str) else "\n".join(f"{key}: {text}" for key, text in value.items())
        for name, value in config.items()
        if not isinstance(value, list)
    }
    return {"name": "", **entered}


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("status", [404, 500])
@pytest.mark.parametrize(("name", "config"), CASES)
def test_secrets_are_in_no_log_and_no_stored_error(
    *,
    project: Project,
    httpserver: HTTPServer,
    secure_server: HTTPServer,
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
    name: str,
    config: dict[str, Any],
    status: int,
) -> None:
    caplog.set_level("DEBUG")
    settings.EMAIL_URL = None
    server = secure_server if name == "apprise" else httpserver
    server.expect_request("/api/chat.postMessage").respond_with_data("no", status=status)
    quoted = f"no route to /{MARK}" if name != "slack" else "no_service"
    server.expect_request(re.compile("/")).respond_with_data(quoted, status=status)
    channel = make_channel(project, name, kind(name).parse_config(aimed(config, server.port)))
    make_notification(make_alert(project), channel)
    deliver_due(NOW)
    send_test(channel, NOW)
    ours = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    stored = [*Notification.objects.values_list("error", flat=True)]
    stored += NotificationChannel.objects.values_list("broken_reason", flat=True)
    stored += NotificationChannel.objects.values_list("last_error", flat=True)
    assert any(stored)
    assert MARK not in " ".join([*ours, *stored])


@pytest.mark.parametrize(("name", "config"), CASES)
def test_secrets_are_not_in_the_audit_log(project: Project, name: str, config: dict[str, Any]) -> None:
    from auditlog.models import LogEntry

    channel = make_channel(project, name, kind(name).parse_config(config))
    superuser_client().post(f"{LIST}{channel.pk}/change/", {"name": "renamed", "enabled": "on"})
    assert MARK not in str(list(LogEntry.objects.values()))


def test_nobody_reads_a_channel_without_a_login(project: Project) -> None:
    channel = make_channel(project, "webhook", CONFIGS["webhook"][0])
    assert Client().get(f"{LIST}{channel.pk}/change/").status_code == 302
