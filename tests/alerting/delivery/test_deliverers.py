"""Several deliverers, dying deliverers, hanging channels, and what a pass costs."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext
from pytest_httpserver import HTTPServer

from alerting.delivery import claims, deliver_due, turns
from alerting.delivery.claims import LEASE
from alerting.delivery.lanes import Clock, run_lane
from alerting.models import Notification, NotificationChannel, NotificationStatus
from projects.models import Project
from tests.alerting.delivery_rows import (
    NOW,
    make_alert,
    make_notification,
    statuses,
    told,
)
from tests.alerting.receivers import Mailbox, tcp_server

pytestmark = pytest.mark.django_db(transaction=True)


def test_what_a_deliverer_held_when_it_died_is_sent_when_its_lease_has_ended(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    make_notification(make_alert(project), slack)
    assert len(claims.claim(slack.pk, now=NOW, limit=10).flushes) == 1

    assert deliver_due(NOW + LEASE - timedelta(seconds=1)) == {}
    assert deliver_due(NOW + LEASE) == {NotificationStatus.SENT: 1}
    assert len(httpserver.log) == 1


def test_a_row_that_never_comes_back_is_given_up(slack: NotificationChannel, project: Project) -> None:
    make_notification(make_alert(project), slack)
    for attempt in range(12):
        claims.claim(slack.pk, now=NOW + attempt * LEASE, limit=10)
    assert deliver_due(NOW + 12 * LEASE) == {NotificationStatus.GAVE_UP: 1}


def deliver_and_disconnect(now: datetime) -> None:
    """For a thread of its own, whose database connection nobody else would close."""
    try:
        deliver_due(now)
    finally:
        connections.close_all()


def test_many_deliverers_at_once_send_each_message_once(
    slack: NotificationChannel,
    email: NotificationChannel,
    project: Project,
    httpserver: HTTPServer,
    mailbox: Mailbox,
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    for number in range(20):
        alert = make_alert(project, rule_name=f"Rule {number}")
        make_notification(alert, slack)
        make_notification(alert, email)

    deliverers = [threading.Thread(target=deliver_and_disconnect, args=(NOW,)) for _ in range(4)]
    for deliverer in deliverers:
        deliverer.start()
    for deliverer in deliverers:
        deliverer.join(30)

    assert sorted(told(httpserver)) == sorted(set(told(httpserver)))
    assert len(httpserver.log) == 20
    assert len(mailbox.mails) == 40
    assert set(statuses()) == {"sent"}


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_channel_that_hangs_holds_up_neither_the_others_nor_other_deliverers(
    slack: NotificationChannel, email: NotificationChannel, project: Project, mailbox: Mailbox
) -> None:
    is_hanging = threading.Event()

    def hang(connection: object, over: threading.Event) -> None:
        is_hanging.set()
        release.wait(15)

    release = threading.Event()
    with tcp_server(hang) as port:
        slack.config = {"webhook_url": f"http://127.0.0.1:{port}/hook"}
        slack.save()
        alert = make_alert(project)
        make_notification(alert, slack)
        make_notification(alert, email)
        first = threading.Thread(target=deliver_and_disconnect, args=(NOW,))
        first.start()
        assert is_hanging.wait(10)
        make_notification(make_alert(project), slack)
        make_notification(make_alert(project), email)
        # The pass under way has the turn, so a second one comes back at once; the first sends what came meanwhile.
        assert deliver_due(NOW + timedelta(seconds=1)) == {}
        wait_until(lambda: len(mailbox.mails) == 4)
        assert Notification.objects.filter(channel=slack, status="sent").count() == 0
        release.set()
        first.join(30)


def test_one_pass_runs_at_a_time_and_a_dead_one_is_followed_soon(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    make_notification(make_alert(project), slack)
    dead = uuid.uuid4()
    assert turns.take(dead, NOW)
    assert deliver_due(NOW + turns.LEASE - timedelta(seconds=1)) == {}
    assert turns.take(dead, NOW + timedelta(seconds=1))
    assert deliver_due(NOW + turns.LEASE) == {}
    assert deliver_due(NOW + turns.LEASE + timedelta(seconds=1)) == {NotificationStatus.SENT: 1}
    assert turns.take(uuid.uuid4(), NOW)


def test_queries_grow_with_messages_by_their_results_only(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    for _ in range(30):
        make_notification(make_alert(project), slack)
    with CaptureQueriesContext(connection) as captured:
        run_lane(slack.pk, Clock(NOW))
    assert len(httpserver.log) == 30
    # A message writes its row, its attempt and its channel in one bounded transaction; all else is once a batch.
    per_message = ("BEGIN", "set_config", "notification", "attempt", "channel", "COMMIT")
    assert len(captured) <= len(per_message) * 30 + 25
