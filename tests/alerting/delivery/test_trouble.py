"""What must not hold up the delivery: channels that can't be used, and tables that can't be read."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from pytest_httpserver import HTTPServer
from werkzeug import Response

from alerting.delivery import deliver_due
from alerting.health import stalls
from alerting.models import Notification, NotificationChannel, NotificationStatus
from alerting.policy import maintenance
from projects.models import Project
from tests.alerting.delivery_rows import NOW, make_alert, make_notification, statuses

pytestmark = pytest.mark.django_db(transaction=True)

MINUTE = timedelta(minutes=1)
LEFT: list[tuple[str, dict[str, Any]]] = [
    ("new", {"status": NotificationStatus.PENDING}),
    ("muted until now", {"status": NotificationStatus.MUTED}),
    ("left by a deliverer that died", {"status": NotificationStatus.SENDING, "lease_until": NOW - MINUTE}),
]


@pytest.mark.parametrize("changes", [row[1] for row in LEFT], ids=[row[0] for row in LEFT])
def test_what_waits_for_a_channel_whose_secrets_can_not_be_read_is_given_up_once(
    slack: NotificationChannel, project: Project, changes: dict[str, Any]
) -> None:
    NotificationChannel.objects.update(config_encrypted="not readable")
    make_notification(make_alert(project), slack, **changes)
    deliver_due(NOW)
    assert statuses() == ["gave_up"]
    assert stalls.facts(NOW + 10 * MINUTE).late_message_at is None
    slack.refresh_from_db()
    broken_at = slack.broken_at
    make_notification(make_alert(project), slack)
    deliver_due(NOW + 10 * MINUTE)
    slack.refresh_from_db()
    assert slack.broken_at == broken_at


def test_what_is_muted_for_longer_keeps_its_chance_in_a_broken_channel(
    slack: NotificationChannel, project: Project
) -> None:
    NotificationChannel.objects.update(config_encrypted="not readable")
    make_notification(make_alert(project), slack)
    later = NOW + 10 * MINUTE
    make_notification(make_alert(project), slack, status=NotificationStatus.MUTED, next_attempt_at=later)
    deliver_due(NOW)
    assert statuses() == ["gave_up", "muted"]


def test_messages_go_out_while_notices_of_maintenance_can_not_be_written(
    slack: NotificationChannel,
    project: Project,
    httpserver: HTTPServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(maintenance, "STATEMENT_TIMEOUT_MS", 300)
    httpserver.expect_request("/hook").respond_with_data("ok")
    make_notification(make_alert(project), slack)
    locking = connection.copy()
    try:
        locking.set_autocommit(False)
        with locking.cursor() as cursor:
            cursor.execute("LOCK TABLE alerting_maintenancewindow_channels IN ACCESS EXCLUSIVE MODE")
        assert deliver_due(NOW) == {NotificationStatus.SENT: 1}
    finally:
        locking.close()
    # The clock of the pass began before it waited for that table: leases must not end early.
    sent_at = Notification.objects.get().sent_at
    assert sent_at
    assert sent_at >= NOW + timedelta(milliseconds=300)


def test_a_message_that_a_place_never_takes_keeps_no_other_from_it(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_handler(
        lambda request: Response("no", 500) if b"poison" in request.data else Response("ok")
    )
    poison = make_notification(make_alert(project, rule_name="poison"), slack)
    deliver_due(NOW)
    other = make_notification(make_alert(project, rule_name="other"), slack)
    deliver_due(NOW + timedelta(minutes=1))
    poison.refresh_from_db()
    other.refresh_from_db()
    assert (poison.status, other.status) == (NotificationStatus.FAILED, NotificationStatus.SENT)
