"""Mail to several people, and what follows what."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer

from alerting import outbox
from alerting.delivery import deliver_due, send_test
from alerting.models import Notification, NotificationChannel, NotificationStatus, Purpose, Status
from projects.models import Project
from tests.alerting.delivery_rows import (
    ANA,
    BOB,
    NOW,
    change_status,
    make_alert,
    make_channel,
    make_notification,
    resolve,
    told,
)
from tests.alerting.receivers import Mailbox

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_test_message_goes_to_every_recipient(email: NotificationChannel, mailbox: Mailbox) -> None:
    assert [row.status for row in send_test(email, NOW)] == ["sent", "sent"]
    assert mailbox.recipients == [ANA, BOB]


def test_each_recipient_gets_a_mail_of_its_own_with_its_own_link(
    email: NotificationChannel, project: Project, mailbox: Mailbox
) -> None:
    make_notification(make_alert(project), email)
    assert deliver_due(NOW) == {NotificationStatus.SENT: 2}
    assert [addresses for _, addresses, _ in mailbox.mails] == [[ANA], [BOB]]
    bodies = [mail.get_body(("plain",)) for _, _, mail in mailbox.mails]
    links = [
        word for body in bodies if body for word in body.get_content().split() if "/acknowledge/" in word
    ]
    assert len(set(links)) == 2


def test_a_refused_recipient_keeps_nobody_else_from_their_mail(
    email: NotificationChannel, project: Project, mailbox: Mailbox
) -> None:
    mailbox.replies[ANA] = "550 no such user"
    make_notification(make_alert(project), email)
    assert deliver_due(NOW) == {NotificationStatus.GAVE_UP: 1, NotificationStatus.SENT: 1}
    assert mailbox.recipients == [BOB]
    email.refresh_from_db()
    assert email.broken_at is None


def test_a_retry_to_one_recipient_repeats_nobody_elses_mail(
    email: NotificationChannel, project: Project, mailbox: Mailbox
) -> None:
    mailbox.replies[ANA] = "451 greylisted"
    make_notification(make_alert(project), email)
    assert deliver_due(NOW) == {NotificationStatus.FAILED: 1, NotificationStatus.SENT: 1}
    mailbox.replies.clear()
    assert deliver_due(NOW + timedelta(seconds=10)) == {NotificationStatus.SENT: 1}
    assert mailbox.recipients == [BOB, ANA]


def test_a_channel_whose_only_recipient_is_refused_is_broken(project: Project, mailbox: Mailbox) -> None:
    channel = make_channel(project, "email", {"recipients": [ANA]})
    mailbox.replies[ANA] = "550 no such user"
    make_notification(make_alert(project), channel)
    deliver_due(NOW)
    channel.refresh_from_db()
    assert channel.broken_reason == "The mail server answered 550 no such user"


def test_addresses_of_a_rule_get_mail_without_any_channel(project: Project, mailbox: Mailbox) -> None:
    make_notification(make_alert(project), None, recipient=ANA)
    assert deliver_due(NOW) == {NotificationStatus.SENT: 1}
    assert mailbox.recipients == [ANA]


def test_without_mail_server_rows_say_what_to_set_and_the_channel_stays_whole(
    project: Project, settings: Settings
) -> None:
    settings.EMAIL_URL = None
    channel = make_channel(project, "email", {"recipients": [ANA]})
    row = make_notification(make_alert(project), channel)
    deliver_due(NOW)
    row.refresh_from_db()
    channel.refresh_from_db()
    assert row.status == "gave_up"
    assert "EMAIL_URL" in row.error
    assert "EMAIL_URL" in channel.last_error
    assert channel.broken_at is None


def test_resolved_follows_firing_also_when_both_wait(
    slack: NotificationChannel,
    email: NotificationChannel,
    project: Project,
    httpserver: HTTPServer,
    mailbox: Mailbox,
) -> None:
    httpserver.expect_oneshot_request("/hook").respond_with_data("later", status=500)
    httpserver.expect_request("/hook").respond_with_data("ok")
    alert = make_alert(project)
    for channel in (slack, email):
        make_notification(alert, channel)
    resolve(alert)
    for channel in (slack, email):
        make_notification(alert, channel, Purpose.RESOLVED)

    deliver_due(NOW)
    deliver_due(NOW + timedelta(seconds=1))
    assert len(httpserver.log) == 1
    deliver_due(NOW + timedelta(seconds=10))

    _, firing, resolved = told(httpserver)
    assert firing == "Firing: High Error Rate (error) in Shop: 6, threshold &gt;= 5"
    assert resolved == "Resolved: High Error Rate (error) in Shop: 0, threshold &gt;= 5"
    subjects = [(addresses[0], mail["Subject"].split(":")[0]) for _, addresses, mail in mailbox.mails]
    for person in (ANA, BOB):
        own = [subject for address, subject in subjects if address == person]
        assert own == ["[Shop] Firing", "[Shop] Resolved"]


def test_resolved_is_not_sent_where_firing_was_given_up(
    email: NotificationChannel, project: Project, mailbox: Mailbox
) -> None:
    mailbox.replies[ANA] = "550 no such user"
    alert = make_alert(project)
    make_notification(alert, email)
    deliver_due(NOW)
    mailbox.replies.clear()
    resolve(alert)
    make_notification(alert, email, Purpose.RESOLVED)
    deliver_due(NOW)
    assert mailbox.recipients == [BOB, BOB]
    dropped = Notification.objects.get(purpose=Purpose.RESOLVED, recipient=ANA)
    assert (dropped.status, dropped.error) == ("gave_up", "Its firing message was not sent.")


def test_what_transitions_put_into_the_outbox_reaches_everybody_once(
    slack: NotificationChannel,
    email: NotificationChannel,
    project: Project,
    httpserver: HTTPServer,
    mailbox: Mailbox,
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    alert = make_alert(project, status=Status.PENDING, notification_config={"email": ["eve@example.com"]})
    alert.rule.channels.set([slack, email])

    for count, status in enumerate((Status.FIRING, Status.RESOLVED), start=1):
        transition = change_status(alert, status)
        for _ in range(2):
            outbox.enqueue_all([transition], NOW)
            deliver_due(NOW)
        assert len(told(httpserver)) == count
        assert sorted(mailbox.recipients) == sorted([ANA, BOB, "eve@example.com"] * count)
    assert [text.split(":")[0] for text in told(httpserver)] == ["Firing", "Resolved"]
