"""What an answer says about one message is no verdict on its channel: the next one is sent."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_httpserver import HTTPServer

from alerting.delivery import deliver_due
from alerting.models import NotificationChannel
from projects.models import Project
from tests.alerting.delivery_rows import NOW, make_alert, make_channel, make_notification

pytestmark = pytest.mark.django_db(transaction=True)

KEY = "0123456789abcdef0123456789abcdef"


def outcomes(channel: NotificationChannel) -> list[str]:
    """What becomes of two messages, one after the other."""
    rows = [make_notification(make_alert(channel.project, rule_name=name), channel) for name in ("a", "b")]
    for seconds in (0, 1, 2):
        deliver_due(NOW + timedelta(seconds=seconds))
    for row in rows:
        row.refresh_from_db()
    return [row.status for row in rows]


def is_broken(channel: NotificationChannel) -> bool:
    channel.refresh_from_db()
    return channel.broken_at is not None


@pytest.mark.parametrize(
    ("status", "breaks"),
    [(400, False), (413, False), (422, False), (401, True), (403, True), (404, True), (410, True)],
)
def test_a_webhook_breaks_over_its_address_and_not_over_a_message(
    project: Project, httpserver: HTTPServer, status: int, breaks: bool
) -> None:
    httpserver.expect_ordered_request("/in").respond_with_data("no", status=status)
    httpserver.expect_ordered_request("/in").respond_with_data("ok")
    channel = make_channel(project, "webhook", {"url": httpserver.url_for("/in"), "format": "native"})
    assert outcomes(channel) == ["gave_up", "gave_up" if breaks else "sent"]
    assert is_broken(channel) is breaks


def test_a_message_that_makes_the_template_too_long_does_not_break_the_channel(
    project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/in").respond_with_data("ok")
    config = {
        "url": httpserver.url_for("/in"),
        "format": "template",
        "template": "{{ rule }}" * 2000,
        "content_type": "text/plain",
    }
    channel = make_channel(project, "webhook", config)
    long = make_notification(make_alert(project, rule_name="a" * 200), channel)
    deliver_due(NOW)
    long.refresh_from_db()
    assert (long.status, is_broken(channel)) == ("gave_up", False)
    assert "more than 256 KB" in long.error


@pytest.mark.parametrize(
    ("errors", "breaks"),
    [
        (["Length of 'routing_key' is incorrect"], True),
        (["Invalid routing key"], True),
        (["'payload.timestamp' is invalid"], False),
    ],
)
def test_pagerdutys_400_is_about_the_channel_only_where_it_names_the_key(
    project: Project, httpserver: HTTPServer, errors: list[str], breaks: bool
) -> None:
    said = {"status": "invalid event", "message": "Event object is invalid", "errors": errors}
    httpserver.expect_ordered_request("/v2/enqueue").respond_with_json(said, status=400)
    httpserver.expect_ordered_request("/v2/enqueue").respond_with_json({"status": "success"}, status=202)
    url = httpserver.url_for("").rstrip("/")
    channel = make_channel(project, "pagerduty", {"routing_key": KEY, "url": url})
    assert outcomes(channel) == ["gave_up", "gave_up" if breaks else "sent"]
    assert is_broken(channel) is breaks


@pytest.mark.parametrize(
    ("code", "breaks"), [("invalid_blocks", False), ("msg_too_long", False), ("channel_not_found", True)]
)
def test_slacks_errors_about_a_message_break_nothing(
    project: Project, httpserver: HTTPServer, code: str, breaks: bool
) -> None:
    path = "/api/chat.postMessage"
    taken: dict[str, Any] = {"ok": True, "channel": "C012", "ts": "1"}
    httpserver.expect_ordered_request(path).respond_with_json({"ok": False, "error": code})
    httpserver.expect_ordered_request(path).respond_with_json(taken)
    channel = make_channel(project, "slack", {"bot_token": "xoxb-12345678", "channel": "#ops"})
    assert outcomes(channel) == ["gave_up", "gave_up" if breaks else "sent"]
    assert is_broken(channel) is breaks
