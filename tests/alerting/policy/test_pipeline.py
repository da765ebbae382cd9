"""Alertmanager's pipeline line by line (2 route, 3 group, 4 flush, 8 dedup, 9 retry), with rows and real HTTP.

Lines 5 to 7 are in `test_muting`; we receive no alerts from others (1).
"""

from __future__ import annotations

import pytest
from pytest_httpserver import HTTPServer

from alerting import actions, outbox
from alerting.delivery import deliver_due
from alerting.models import (
    Attempt,
    Notification,
    NotificationChannel,
    NotificationStatus,
)
from alerting.policy import silences
from projects.models import Project
from tests.alerting.delivery_rows import make_channel
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
    raise_to_critical,
)
from tests.alerting.receivers import Mailbox

pytestmark = pytest.mark.django_db(transaction=True)

SENT, MUTED = NotificationStatus.SENT, NotificationStatus.MUTED


@pytest.fixture(autouse=True)
def slack_answers(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    httpserver.expect_request("/other").respond_with_data("ok")


@pytest.fixture
def other(project: Project, httpserver: HTTPServer) -> NotificationChannel:
    return make_channel(project, "slack", {"webhook_url": httpserver.url_for("/other")}, name="other")


def paths(server: HTTPServer) -> list[str]:
    return [request.path for request, _ in server.log]


def test_2_the_first_policy_that_matches_adds_its_channels(
    project: Project, slack: NotificationChannel, other: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, name="late", position=2, group_wait_seconds=0)
    policy(project, other, name="errors", position=1, matchers=['severity="error"'], group_wait_seconds=0)
    fire(project, [slack])
    fire(project, [slack], severity="info")
    deliver_due(NOW)
    assert sorted(paths(httpserver)) == ["/hook", "/hook", "/other"]


def test_2_without_a_policy_an_alert_is_told_at_once_by_itself(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    for number in range(3):
        fire(project, [slack], rule=f"Rule {number}")
    assert deliver_due(NOW) == {SENT: 3}
    assert headlines(httpserver) == ["Firing: Rule 0", "Firing: Rule 1", "Firing: Rule 2"]


def test_3_a_new_group_waits_for_company_and_then_speaks_once(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, group_by=["region"], group_wait_seconds=30)
    first = fire(project, [slack], NOW, labels={"region": "eu", "host_name": "a"})
    second = fire(project, [slack], NOW + 10 * SECOND, labels={"region": "eu", "host_name": "b"})
    fire(project, [slack], NOW + 10 * SECOND, labels={"region": "us"}, rule="Elsewhere")

    assert deliver_due(NOW + 29 * SECOND) == {}
    assert deliver_due(NOW + 30 * SECOND) == {SENT: 2}
    assert deliver_due(NOW + 40 * SECOND) == {SENT: 1}
    assert headlines(httpserver) == ["Firing: 2 alerts of High Error Rate", "Firing: Elsewhere"]
    assert fates(first) == fates(second) == [("firing", "sent", "first notification")]
    keys = Notification.objects.filter(alert__in=[first, second]).values_list("message_key", flat=True)
    assert len(set(keys)) == 1
    assert "" not in keys


def test_3_after_a_message_a_group_waits_its_interval_before_the_next(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, group_wait_seconds=30, group_interval_seconds=300)
    fire(project, [slack])
    deliver_due(NOW + 30 * SECOND)
    later = fire(project, [slack], NOW + 60 * SECOND, rule="Later")
    assert deliver_due(NOW + 5 * MINUTE) == {}
    assert deliver_due(NOW + 5 * MINUTE + 31 * SECOND) == {SENT: 1}
    assert fates(later) == [("firing", "sent", "new alerts")]
    # Long after, a group waits for company as at first.
    fire(project, [slack], NOW + HOUR, rule="Much later")
    assert deliver_due(NOW + HOUR) == {}
    assert deliver_due(NOW + HOUR + 30 * SECOND) == {SENT: 1}


def test_3_each_channel_has_a_clock_of_its_own_for_a_group(
    project: Project, slack: NotificationChannel, other: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, group_wait_seconds=30)
    fire(project, [slack], rule="One")
    fire(project, [slack, other], NOW + 20 * SECOND, rule="Two")
    assert deliver_due(NOW + 30 * SECOND) == {SENT: 2}
    assert deliver_due(NOW + 50 * SECOND) == {SENT: 1}
    assert paths(httpserver) == ["/hook", "/other"]


def test_3_three_dots_make_each_alert_a_group_of_its_own(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, group_by=["..."], group_wait_seconds=0)
    for host in ("a", "b"):
        fire(project, [slack], labels={"host_name": host})
    deliver_due(NOW)
    assert headlines(httpserver) == ["Firing: High Error Rate"] * 2


def test_3_an_alert_older_than_the_wait_is_told_at_once(project: Project, slack: NotificationChannel) -> None:
    policy(project, group_wait_seconds=30)
    alert = fire(project, [slack], NOW)
    Notification.objects.all().delete()
    outbox.enqueue_all(list(alert.transitions.all()), NOW + MINUTE)
    assert deliver_due(NOW + MINUTE) == {SENT: 1}


def test_4_what_fires_when_a_message_is_made_fires_in_it_and_its_end_is_told_next(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, group_wait_seconds=30, group_interval_seconds=60)
    stays = fire(project, [slack], rule="Stays")
    goes = fire(project, [slack], rule="Goes")
    deliver_due(NOW + 30 * SECOND)
    end(goes, NOW + 40 * SECOND)
    assert deliver_due(NOW + 2 * MINUTE) == {SENT: 1}
    assert headlines(httpserver) == ["Firing: 2 alerts of 2 rules", "Resolved: Goes"]
    end(stays, NOW + 3 * MINUTE)
    deliver_due(NOW + 5 * MINUTE)
    assert fates(goes)[-1] == ("resolved", "sent", "some resolved")
    assert fates(stays)[-1] == ("resolved", "sent", "all resolved")


def test_4_what_resolves_within_the_wait_is_told_to_nobody_and_says_so(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, group_wait_seconds=30)
    alert = fire(project, [slack])
    end(alert, NOW + 10 * SECOND)
    deliver_due(NOW + MINUTE)
    deliver_due(NOW + HOUR)
    assert httpserver.log == []
    assert fates(alert) == [
        ("firing", "muted", "resolved before its group was told"),
        ("resolved", "muted", "its firing message was muted"),
    ]


def test_8_a_rise_to_critical_is_told_where_the_alert_was_told_also_when_acknowledged(
    project: Project, slack: NotificationChannel, other: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, other, name="critical", matchers=['severity="critical"'])
    alert = fire(project, [slack])
    deliver_due(NOW)
    acknowledge(alert, NOW + MINUTE)
    raise_to_critical(alert, NOW + 2 * MINUTE)
    assert deliver_due(NOW + 2 * MINUTE) == {SENT: 2}
    assert sorted(paths(httpserver)) == ["/hook", "/hook", "/other"]
    assert headlines(httpserver)[-1] == "Raised to critical: High Error Rate"
    assert fates(alert)[1:] == [("raised", "sent", "raised to critical")] * 2
    end(alert, NOW + 10 * MINUTE)
    deliver_due(NOW + 20 * MINUTE)
    assert sorted(paths(httpserver)) == ["/hook"] * 3 + ["/other"] * 2


def test_8_a_firing_message_that_still_waits_says_critical_itself(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    policy(project, group_wait_seconds=30)
    alert = fire(project, [slack])
    raise_to_critical(alert, NOW + 10 * SECOND)
    deliver_due(NOW + 30 * SECOND)
    assert [request.get_json()["text"] for request, _ in httpserver.log] == [
        "Firing: High Error Rate (critical) in Shop: 6, threshold &gt;= 5"
    ]


def test_8_a_rise_to_critical_lets_the_message_through_that_was_muted(
    project: Project, slack: NotificationChannel, mailbox: Mailbox, httpserver: HTTPServer
) -> None:
    silences.create(
        project_id=project.pk,
        matchers=["severity=error"],
        starts_at=NOW,
        ends_at=NOW + HOUR,
        author="ana",
        comment="known",
        now=NOW,
    )
    alert = fire(project, [slack], notification_config={"email": ["eve@example.com"]})
    assert deliver_due(NOW) == {MUTED: 2}
    raise_to_critical(alert, NOW + MINUTE)
    assert deliver_due(NOW + MINUTE) == {SENT: 2}
    assert fates(alert) == [("firing", "sent", "first notification")] * 2
    assert "(critical)" in httpserver.log[0][0].get_json()["text"]
    assert mailbox.recipients == ["eve@example.com"]


def test_8_a_rise_to_critical_is_told_where_the_first_message_was_muted_until_somebody_acknowledged(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    NotificationChannel.objects.update(
        quiet_from=(NOW - HOUR).time(), quiet_until=(NOW + HOUR).time(), quiet_severities=["error"]
    )
    alert = fire(project, [slack])
    deliver_due(NOW)
    acknowledge(alert, NOW + MINUTE)
    raise_to_critical(alert, NOW + 2 * MINUTE)
    deliver_due(NOW + 2 * MINUTE)
    deliver_due(NOW + HOUR)
    assert headlines(httpserver) == ["Raised to critical: High Error Rate"]
    assert fates(alert)[0][2].endswith("; acknowledged meanwhile")


def test_8_what_is_resolved_by_hand_before_it_is_sent_is_told_to_nobody(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    alert = fire(project, [slack])
    actions.resolve(alert.pk, actor="ana", now=NOW + SECOND)
    assert deliver_due(NOW + MINUTE) == {MUTED: 1}
    assert httpserver.log == []
    assert fates(alert) == [("firing", "muted", "resolved before it was sent")]


def test_8_what_was_tried_before_it_was_resolved_by_hand_may_be_out_and_is_sent(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    alert = fire(project, [slack])
    Notification.objects.update(attempt_count=1, status=NotificationStatus.FAILED)
    actions.resolve(alert.pk, actor="ana", now=NOW + SECOND)
    assert deliver_due(NOW + MINUTE) == {SENT: 1}


def test_9_a_message_that_fails_fails_for_all_its_rows_and_each_keeps_the_attempts(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    httpserver.clear()
    httpserver.expect_oneshot_request("/hook").respond_with_data("later", status=503)
    httpserver.expect_request("/hook").respond_with_data("ok")
    policy(project, group_wait_seconds=0)
    alerts = [fire(project, [slack], rule=f"Rule {number}") for number in range(3)]
    assert deliver_due(NOW) == {NotificationStatus.FAILED: 3}
    assert deliver_due(NOW + 6 * SECOND) == {SENT: 3}
    for alert in alerts:
        attempts = Attempt.objects.filter(notification__alert=alert)
        assert list(attempts.values_list("status", flat=True)) == ["failed", "sent"]


def test_a_group_of_many_lists_twenty_and_counts_the_rest(
    project: Project, email: NotificationChannel, mailbox: Mailbox
) -> None:
    policy(project, group_wait_seconds=0)
    for number in range(60):
        fire(project, [email], labels={"host_name": f"web-{number:02}", "region": "eu"})
    assert deliver_due(NOW) == {SENT: 120}
    assert len(mailbox.mails) == 2
    _, _, mail = mailbox.mails[0]
    assert mail["Subject"] == "[Shop] Firing: 60 alerts of High Error Rate"
    body = mail.get_body(("plain",))
    assert body
    text = body.get_content()
    assert text.count("/acknowledge/") == 20
    assert "region = eu" in text
    assert "+ 40 more alerts" in text
