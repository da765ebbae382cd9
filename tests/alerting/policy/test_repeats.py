"""Telling again until somebody acts, notices of maintenance, and a channel's limit of messages."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_httpserver import HTTPServer

from alerting.delivery import deliver_due
from alerting.models import Alert, MaintenanceWindow, Notification, NotificationChannel, NotificationStatus
from alerting.policy import silences
from alerting.policy.maintenance import announce_due
from alerting.policy.repeats import next_repeat_at
from projects.models import Project
from tests.alerting.delivery_rows import BOB
from tests.alerting.policy.stage import (
    HOUR,
    MINUTE,
    NOW,
    SECOND,
    acknowledge,
    end,
    fates,
    fire,
    headlines,
    policy,
)
from tests.alerting.receivers import Mailbox

pytestmark = pytest.mark.django_db(transaction=True)

SENT, MUTED = NotificationStatus.SENT, NotificationStatus.MUTED
FIRST = "Firing: High Error Rate"
AGAIN = "Still firing: High Error Rate"


@pytest.fixture(autouse=True)
def slack_answers(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")


@pytest.mark.parametrize(
    ("seconds_later", "interval_seconds", "seconds_to_next"),
    [(0, 60, 60), (59, 60, 60), (60, 60, 120), (600, 60, 660), (10, 0, None)],
)
def test_a_repeat_keeps_its_beat_and_makes_up_for_none_that_was_missed(
    seconds_later: int, interval_seconds: int, seconds_to_next: int | None
) -> None:
    found = next_repeat_at(NOW, interval_seconds, NOW + seconds_later * SECOND)
    assert found == (NOW + seconds_to_next * SECOND if seconds_to_next else None)


def test_without_a_policy_an_alert_is_told_again_every_four_hours_until_it_resolves(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    alert = fire(project, [slack])
    deliver_due(NOW)
    assert deliver_due(NOW + 4 * HOUR - SECOND) == {}
    assert deliver_due(NOW + 4 * HOUR) == {SENT: 1}
    assert deliver_due(NOW + 4 * HOUR + MINUTE) == {}
    assert deliver_due(NOW + 9 * HOUR) == {SENT: 1}
    end(alert, NOW + 10 * HOUR)
    deliver_due(NOW + 24 * HOUR)
    assert headlines(httpserver) == [FIRST, AGAIN, AGAIN, "Resolved: High Error Rate"]
    assert fates(alert)[1] == ("repeat", "sent", "repeat")
    alert.refresh_from_db()
    assert alert.next_repeat_at is None


def test_acknowledging_stops_repeats_also_one_that_waits(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, repeat_interval_seconds=600, group_wait_seconds=0)
    alert = fire(project, [slack])
    deliver_due(NOW)
    NotificationChannel.objects.update(paused_until=NOW + 20 * MINUTE)
    deliver_due(NOW + 10 * MINUTE)
    acknowledge(alert, NOW + 15 * MINUTE)
    deliver_due(NOW + 30 * MINUTE)
    deliver_due(NOW + 5 * HOUR)
    assert headlines(httpserver) == [FIRST]
    assert fates(alert)[1] == ("repeat", "muted", "acknowledged by ana")


def test_a_policy_sets_the_pace_and_zero_means_never(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, name="often", matchers=["rule=Often"], repeat_interval_seconds=600, group_wait_seconds=0)
    policy(project, name="never", repeat_interval_seconds=0, group_wait_seconds=0)
    fire(project, [slack], rule="Often")
    once = fire(project, [slack], rule="Once")
    for minutes in range(0, 50, 10):
        deliver_due(NOW + minutes * MINUTE)
    assert headlines(httpserver).count("Still firing: Often") == 4
    assert fates(once) == [("firing", "sent", "first notification")]


def test_a_group_repeats_in_one_message(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, repeat_interval_seconds=3600, group_wait_seconds=30)
    fire(project, [slack], rule="One")
    fire(project, [slack], NOW + 20 * SECOND, rule="Two")
    deliver_due(NOW + 30 * SECOND)
    deliver_due(NOW + HOUR)
    deliver_due(NOW + HOUR + 20 * SECOND)
    deliver_due(NOW + HOUR + MINUTE)
    assert headlines(httpserver) == ["Firing: 2 alerts of 2 rules", "Still firing: 2 alerts of 2 rules"]


def test_repeats_do_not_pile_up_behind_a_silence(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    fire(project, [slack])
    deliver_due(NOW)
    silences.create(
        project_id=project.pk,
        matchers=["severity=error"],
        starts_at=NOW + MINUTE,
        ends_at=NOW + 20 * HOUR,
        author="ana",
        comment="known",
        now=NOW,
    )
    for hours in range(4, 21, 4):
        deliver_due(NOW + hours * HOUR)
    assert headlines(httpserver) == [FIRST, AGAIN]


def test_a_repeat_reaches_each_recipient_that_was_told_and_no_address_the_rule_dropped(
    project: Project, email: NotificationChannel, mailbox: Mailbox
) -> None:
    alert = fire(project, [email], notification_config={"email": ["eve@example.com"]})
    deliver_due(NOW)
    alert.rule.notification_config = {}
    alert.rule.save()
    mailbox.mails.clear()
    deliver_due(NOW + 4 * HOUR)
    assert sorted(mailbox.recipients) == sorted(["ana@example.com", BOB])


def test_a_channel_mended_meanwhile_hears_of_it_with_the_next_repeat(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    httpserver.clear()
    httpserver.expect_oneshot_request("/hook").respond_with_data("no_service", status=404)
    httpserver.expect_request("/hook").respond_with_data("ok")
    alert = fire(project, [slack])
    deliver_due(NOW)
    NotificationChannel.objects.update(broken_at=None, broken_reason="")
    deliver_due(NOW + 4 * HOUR)
    assert headlines(httpserver)[-1] == AGAIN
    end(alert, NOW + 5 * HOUR)
    deliver_due(NOW + 5 * HOUR)
    assert headlines(httpserver)[-1] == "Resolved: High Error Rate"


@pytest.mark.parametrize("trouble", [{"broken_at": NOW, "broken_reason": "gone"}, {"enabled": False}])
def test_a_channel_that_was_out_of_use_at_a_repeat_hears_of_the_next(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer, trouble: dict[str, object]
) -> None:
    policy(project, repeat_interval_seconds=600, group_wait_seconds=0)
    alert = fire(project, [slack])
    deliver_due(NOW)
    NotificationChannel.objects.update(**trouble)
    for minutes in (10, 20):
        assert deliver_due(NOW + minutes * MINUTE) == {}
    NotificationChannel.objects.update(broken_at=None, broken_reason="", enabled=True)
    deliver_due(NOW + 30 * MINUTE)
    assert headlines(httpserver) == [FIRST, AGAIN]
    acknowledge(alert, NOW + 31 * MINUTE)
    deliver_due(NOW + 40 * MINUTE)
    alert.refresh_from_db()
    assert alert.next_repeat_at is None


def test_the_longest_mail_address_is_told_and_told_again(project: Project, mailbox: Mailbox) -> None:
    address = f"{'a' * 308}@example.com"
    begun_at = NOW + timedelta(microseconds=123_456)
    alert = fire(project, now=begun_at, notification_config={"email": [address]})
    deliver_due(begun_at)
    deliver_due(begun_at + 4 * HOUR)
    deliver_due(begun_at + 8 * HOUR)
    assert [purpose for purpose, _, _ in fates(alert)] == ["firing", "repeat", "repeat"]


def test_an_alert_that_can_not_be_repeated_keeps_no_other_from_it(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    fine = [fire(project, [slack], rule=f"Fine {number}") for number in range(3)]
    bad = fire(project, notification_config={"email": ["eve@example.com"]}, rule="Bad")
    deliver_due(NOW)
    bad.rule.notification_config = {"email": 7}
    bad.rule.save()
    assert deliver_due(NOW + 4 * HOUR)[SENT] == 3
    assert [fates(alert)[1][0] for alert in fine] == ["repeat"] * 3
    bad.refresh_from_db()
    assert bad.next_repeat_at == NOW + 5 * HOUR


def test_past_its_limit_a_channel_gets_what_waits_as_one_message(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    NotificationChannel.objects.update(max_messages_per_minute=3)
    for number in range(8):
        fire(project, [slack], rule=f"Rule {number}")
    assert deliver_due(NOW) == {SENT: 8}
    assert headlines(httpserver) == ["Firing: Rule 0", "Firing: Rule 1", "Firing: 6 alerts of 6 rules"]
    reasons = set(Notification.objects.values_list("reason", flat=True))
    assert reasons == {"first notification", "first notification; bundled: at most 3 messages a minute"}

    for number in range(5):
        fire(project, [slack], NOW + 20 * SECOND, rule=f"Later {number}")
    assert SENT not in deliver_due(NOW + 20 * SECOND)
    assert deliver_due(NOW + 62 * SECOND)[SENT] == 5
    assert headlines(httpserver)[3:] == ["Firing: Later 0", "Firing: Later 1", "Firing: 3 alerts of 3 rules"]


def test_a_window_tells_its_channels_of_each_start_and_end_once(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    window = MaintenanceWindow.objects.create(
        project=project,
        name="Backup",
        starts_at=NOW + MINUTE,
        duration_minutes=30,
        recurrence="FREQ=DAILY",
        time_zone="Europe/Berlin",
    )
    window.channels.add(slack)
    for minutes in (0, 1, 1, 2, 20, 31, 31, 45):
        deliver_due(NOW + minutes * MINUTE)
    assert announce_due(NOW + 46 * MINUTE) == 0
    assert headlines(httpserver) == [
        "Maintenance: Backup has begun and lasts until 2026-03-01 13:31 CET in Shop",
        "Maintenance: Backup is over since 2026-03-01 13:31 CET in Shop",
    ]


def test_a_notice_that_comes_hours_late_is_not_given(project: Project, slack: NotificationChannel) -> None:
    window = MaintenanceWindow.objects.create(
        project=project,
        name="Backup",
        starts_at=NOW,
        duration_minutes=30,
        announced_to=NOW - timedelta(days=2),
    )
    window.channels.add(slack)
    assert announce_due(NOW + 3 * HOUR) == 0
    assert Alert.objects.count() == 0
