"""What a user sees when the other side misbehaves, for each kind that speaks HTTP: and nothing is lost."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Response

from alerting import outbound
from alerting.admin.channel_state import channel_state
from alerting.channels import kind
from alerting.delivery import deliver_due
from alerting.models import Notification, NotificationChannel
from projects.models import Project
from tests.alerting.delivery_rows import NOW, make_alert, make_channel, make_notification
from tests.alerting.receivers import smtp_server, tcp_server

pytestmark = pytest.mark.django_db(transaction=True)


@dataclass(frozen=True)
class Target:
    """One kind of channel: its configuration for a port, where it calls, what it calls the other side."""

    kind: str
    config: Callable[[int], dict[str, Any]]
    path: str
    service: str
    is_secure: bool = False


TARGETS = {
    "slack webhook": Target(
        "slack", lambda port: {"webhook_url": f"http://localhost:{port}/hook"}, "/hook", "Slack"
    ),
    "slack bot": Target(
        "slack",
        lambda port: {"bot_token": "xoxb-12345678", "channel": "#ops"},
        "/api/chat.postMessage",
        "Slack",
    ),
    "webhook": Target("webhook", lambda port: {"url": f"http://localhost:{port}/in"}, "/in", "The webhook"),
    "pagerduty": Target(
        "pagerduty",
        lambda port: {"routing_key": "a" * 32, "url": f"http://localhost:{port}"},
        "/v2/enqueue",
        "PagerDuty",
    ),
    "apprise": Target(
        "apprise",
        lambda port: {"url": f"gotifys://localhost:{port}/AAaAaAAaAaaaAa_"},
        "/message",
        "Gotify",
        is_secure=True,
    ),
}


@pytest.fixture(params=TARGETS, ids=list(TARGETS))
def target(request: pytest.FixtureRequest) -> Target:
    return TARGETS[request.param]


@pytest.fixture
def server(target: Target, httpserver: HTTPServer, secure_server: HTTPServer) -> HTTPServer:
    return secure_server if target.is_secure else httpserver


@pytest.fixture
def row(project: Project, target: Target, server: HTTPServer, settings: Settings) -> Notification:
    """A firing message that waits to be sent to the server."""
    return waiting_row(project, target, server.port, settings)


def waiting_row(project: Project, target: Target, port: int, settings: Settings) -> Notification:
    settings.SLACK_API_URL = f"http://localhost:{port}/api"
    config = kind(target.kind).parse_config(target.config(port))
    return make_notification(make_alert(project), make_channel(project, target.kind, config))


def seen(row: Notification) -> tuple[str, str, str]:
    """The row's status and error, and the channel's state in a word, as the admin shows them."""
    row.refresh_from_db()
    channel = NotificationChannel.objects.get()
    return row.status, row.error, channel_state(channel, timezone.now()).word


def take(server: HTTPServer, target: Target) -> None:
    server.clear()
    server.expect_request(target.path).respond_with_json({"ok": True})


@pytest.mark.parametrize(("status", "delay_seconds"), [(429, 30), (503, 30)])
def test_an_answer_with_retry_after_is_waited_for(
    target: Target, server: HTTPServer, row: Notification, status: int, delay_seconds: int
) -> None:
    headers = {"Retry-After": str(delay_seconds)}
    server.expect_request(target.path).respond_with_data("later", status=status, headers=headers)
    deliver_due(NOW)
    state = seen(row)
    assert state[0] == "failed"
    assert state[1].startswith(f"{target.service} answered {status}")
    assert NotificationChannel.objects.get().broken_at is None
    take(server, target)
    deliver_due(NOW + timedelta(seconds=delay_seconds - 1))
    assert server.log == []
    deliver_due(NOW + timedelta(seconds=delay_seconds + 5))
    assert seen(row) == ("sent", "", "ok")


def test_a_server_error_is_tried_again(target: Target, server: HTTPServer, row: Notification) -> None:
    server.expect_request(target.path).respond_with_data("oops", status=500)
    deliver_due(NOW)
    status, error, word = seen(row)
    assert (status, word) == ("failed", "failing")
    assert error.startswith(f"{target.service} answered 500")
    take(server, target)
    deliver_due(NOW + timedelta(seconds=10))
    assert seen(row) == ("sent", "", "ok")


def test_a_redirect_to_a_private_address_is_not_followed_and_breaks_the_channel(
    target: Target, server: HTTPServer, row: Notification
) -> None:
    inside = server.url_for("/inside")
    server.expect_request(target.path).respond_with_response(Response("", 302, headers={"Location": inside}))
    deliver_due(NOW)
    assert seen(row) == (
        "gave_up",
        f"{target.service} answered 302: redirects are not followed",
        "broken",
    )
    assert [request.path for request, _ in server.log] == [target.path]


def test_a_name_that_leads_inside_is_refused_and_breaks_the_channel(
    target: Target, server: HTTPServer, row: Notification, settings: Settings
) -> None:
    settings.TELEMETRY_OUTBOUND_ALLOW = ()
    deliver_due(NOW)
    status, error, word = seen(row)
    assert (status, word) == ("gave_up", "broken")
    assert error.startswith("localhost is inside this network or reserved")
    assert server.log == []


def hang(connection: socket.socket, over: threading.Event) -> None:
    over.wait(30)


def reset(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(1)
    # Closing with nothing lingering sends RST instead of FIN.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize(
    ("fault", "words"),
    [(hang, "no answer in time"), (reset, "the connection failed")],
    ids=["hangs", "resets"],
)
def test_a_server_that_hangs_or_resets_is_tried_again(
    *,
    target: Target,
    project: Project,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    fault: Any,
    words: str,
) -> None:
    monkeypatch.setattr(outbound, "TIMEOUT_SECONDS", 0.5)
    with tcp_server(fault) as port:
        row = waiting_row(project, target, port, settings)
        deliver_due(NOW)
    assert seen(row) == ("failed", f"localhost: {words}", "failing")
    deliver_due(NOW + timedelta(seconds=10))
    assert seen(row)[:2] == ("failed", "localhost: connection refused")


def mail_row(project: Project) -> Notification:
    mail = make_channel(project, "email", {"recipients": ["ana@example.com"]})
    return make_notification(make_alert(project), mail)


def test_mail_waits_while_the_mail_server_is_down(project: Project, settings: Settings) -> None:
    with tcp_server(reset) as port:
        settings.EMAIL_URL = f"smtp://127.0.0.1:{port}"
    row = mail_row(project)
    deliver_due(NOW)
    assert seen(row) == ("failed", "The mail server can't be reached", "failing")
    with smtp_server() as mailbox:
        settings.EMAIL_URL = mailbox.url
        deliver_due(NOW + timedelta(seconds=10))
        assert mailbox.recipients == ["ana@example.com"]
    assert seen(row) == ("sent", "", "ok")


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("550 no such user", ("gave_up", "The mail server answered 550 no such user", "broken")),
        ("450 try later", ("failed", "The mail server answered 450 try later", "failing")),
    ],
)
def test_mail_that_the_server_refuses_is_told_in_its_words(
    project: Project, settings: Settings, reply: str, expected: tuple[str, str, str]
) -> None:
    row = mail_row(project)
    with smtp_server() as mailbox:
        settings.EMAIL_URL = mailbox.url
        mailbox.replies["ana@example.com"] = reply
        deliver_due(NOW)
    assert seen(row) == expected
