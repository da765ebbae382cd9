"""What people do to an alert goes to the channels that follow it, and to no other."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from pytest_httpserver import HTTPServer

from alerting import actions
from alerting.delivery import deliver_due
from alerting.models import (
    Alert,
    ChannelThread,
    Notification,
    NotificationChannel,
    NotificationStatus,
    Purpose,
)
from projects.models import Project
from tests.alerting.delivery_rows import NOW, make_alert, make_channel, make_notification

pytestmark = pytest.mark.django_db(transaction=True)

BOT = {"bot_token": "xoxb-12345678", "channel": "#ops"}
KEY = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def services(httpserver: HTTPServer) -> HTTPServer:
    said = {"ok": True, "channel": "C012", "ts": "1.5"}
    for path in ("/api/chat.postMessage", "/api/chat.update", "/v2/enqueue", "/in"):
        httpserver.expect_request(path).respond_with_json(said)
    return httpserver


def pagerduty(project: Project, server: HTTPServer) -> NotificationChannel:
    return make_channel(project, "pagerduty", {"routing_key": KEY, "url": server.url_for("").rstrip("/")})


def acknowledge(alert: Alert, **changes: Any) -> None:
    actions.acknowledge(alert.pk, actor="ana", now=NOW + timedelta(seconds=1), **changes)


def paths(server: HTTPServer) -> list[str]:
    return [request.path.rpartition("/")[2] for request, _ in server.log]


def events(server: HTTPServer) -> list[str]:
    return [request.get_json()["event_action"] for request, _ in server.log]


def deliver(seconds: int) -> Any:
    return deliver_due(NOW + timedelta(seconds=seconds))


def test_an_acknowledgement_edits_the_bots_message(project: Project, services: HTTPServer) -> None:
    slack = make_channel(project, "slack", BOT)
    alert = make_alert(project)
    make_notification(alert, slack)
    deliver(0)
    assert ChannelThread.objects.get().reference == {"channel": "C012", "ts": "1.5", "alert_count": 1}
    acknowledge(alert, note="on it")
    deliver(2)
    assert paths(services) == ["chat.postMessage", "chat.update", "chat.postMessage"]
    assert "*Acknowledged* by ana: on it" in str(services.log[-1][0].get_json())


def test_an_incident_is_acknowledged_and_resolved_with_its_alert(
    project: Project, services: HTTPServer
) -> None:
    channel = pagerduty(project, services)
    alert = make_alert(project)
    make_notification(alert, channel)
    deliver(0)
    acknowledge(alert)
    actions.resolve(alert.pk, actor="ana", now=NOW + timedelta(seconds=2))
    deliver(3)
    assert events(services) == ["trigger", "acknowledge", "resolve"]


def test_webhooks_mail_and_channels_that_were_not_told_hear_nothing(
    project: Project, services: HTTPServer
) -> None:
    alert = make_alert(project)
    silent = [
        make_channel(project, "slack", {"webhook_url": services.url_for("/in")}, name="hook"),
        make_channel(project, "webhook", {"url": services.url_for("/in"), "format": "native"}),
        make_channel(project, "email", {"recipients": ["ana@example.com"]}),
    ]
    for channel in silent:
        make_notification(alert, channel, status=NotificationStatus.SENT)
    untold = make_channel(project, "slack", BOT, name="untold")
    muted = make_channel(project, "slack", BOT, name="muted")
    make_notification(alert, muted, status=NotificationStatus.MUTED)
    disabled = make_channel(project, "slack", BOT, name="disabled")
    make_notification(alert, disabled, status=NotificationStatus.SENT)
    NotificationChannel.objects.filter(pk=disabled.pk).update(enabled=False)
    assert untold
    acknowledge(alert)
    assert not Notification.objects.filter(purpose=Purpose.UPDATE).exists()


@pytest.mark.parametrize("action", ["assign", "note"])
def test_assignments_and_notes_go_to_threads_but_not_to_incidents(
    project: Project, services: HTTPServer, action: str
) -> None:
    alert = make_alert(project)
    slack, incident = make_channel(project, "slack", BOT), pagerduty(project, services)
    for channel in (slack, incident):
        make_notification(alert, channel, status=NotificationStatus.SENT)
    if action == "note":
        actions.add_note(alert.pk, note="disk replaced", actor="ana", now=NOW)
    else:
        get_user_model().objects.create_superuser(username="bob")
        actions.assign(alert.pk, assignee_username="bob", actor="ana", now=NOW)
    assert [row.channel for row in Notification.objects.filter(purpose=Purpose.UPDATE)] == [slack]


def test_a_change_waits_for_the_firing_message_and_for_earlier_changes(
    project: Project, services: HTTPServer, httpserver: HTTPServer
) -> None:
    channel = pagerduty(project, services)
    alert = make_alert(project)
    make_notification(alert, channel, next_attempt_at=NOW + timedelta(seconds=30))
    acknowledge(alert)
    actions.resolve(alert.pk, actor="ana", now=NOW + timedelta(seconds=2))
    deliver(3)
    assert events(services) == []
    deliver(31)
    assert events(services) == ["trigger", "acknowledge", "resolve"]


def test_a_change_is_dropped_where_the_firing_message_never_arrived(
    project: Project, services: HTTPServer
) -> None:
    channel = pagerduty(project, services)
    alert = make_alert(project)
    firing = make_notification(alert, channel)
    acknowledge(alert)
    Notification.objects.filter(pk=firing.pk).update(status=NotificationStatus.GAVE_UP)
    deliver(2)
    update = Notification.objects.get(purpose=Purpose.UPDATE)
    assert (update.status, update.error) == ("gave_up", "Its firing message was not sent.")
    assert events(services) == []


def test_an_action_succeeds_where_a_channels_secrets_can_not_be_read(
    project: Project, services: HTTPServer
) -> None:
    channel = pagerduty(project, services)
    alert = make_alert(project)
    make_notification(alert, channel, status=NotificationStatus.SENT)
    NotificationChannel.objects.update(config_encrypted="of another key")
    acknowledge(alert)
    alert.refresh_from_db()
    assert alert.status == "acknowledged"


def test_an_action_that_fails_leaves_no_message(project: Project, services: HTTPServer) -> None:
    alert = make_alert(project)
    make_notification(alert, pagerduty(project, services), status=NotificationStatus.SENT)
    acknowledge(alert)
    with pytest.raises(actions.AlreadyHandled):
        acknowledge(alert)
    assert Notification.objects.filter(purpose=Purpose.UPDATE).count() == 1
