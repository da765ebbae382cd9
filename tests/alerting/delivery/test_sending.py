"""One channel at a time: what goes out, what is tried again, what is given up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pytest_django.fixtures import Settings
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from alerting import secrets
from alerting.delivery import deliver_due, send_test
from alerting.models import Notification, NotificationChannel, NotificationStatus, Purpose
from projects.models import Project
from tests.alerting.delivery_rows import (
    ANA,
    NOW,
    make_alert,
    make_channel,
    make_notification,
    statuses,
    told,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_firing_message_goes_out_once_and_its_row_says_so(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    alert = make_alert(project)
    row = make_notification(alert, slack)

    assert deliver_due(NOW) == {NotificationStatus.SENT: 1}
    assert deliver_due(NOW + timedelta(minutes=5)) == {}

    assert told(httpserver) == ["Firing: High Error Rate (error) in Shop: 6, threshold &gt;= 5"]
    blocks = str(httpserver.log[0][0].get_json()["blocks"])
    assert f"https://telemetry.example/admin/alerting/alert/{alert.pk}/change/" in blocks
    assert "https://telemetry.example/acknowledge/" in blocks
    row.refresh_from_db()
    slack.refresh_from_db()
    assert (row.status, row.attempt_count, row.error, row.lease_until) == ("sent", 1, "", None)
    assert row.sent_at is not None
    assert row.sent_at >= NOW
    assert row.latency_ms is not None
    assert slack.last_sent_at == row.sent_at


def test_a_row_is_not_sent_before_its_time(slack: NotificationChannel, project: Project) -> None:
    make_notification(make_alert(project), slack, next_attempt_at=NOW + timedelta(seconds=1))
    assert deliver_due(NOW) == {}
    assert statuses() == ["pending"]


def test_a_test_message_takes_no_waiting_one_along(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    make_notification(make_alert(project), slack)
    send_test(slack, NOW)
    assert statuses() == ["pending", "sent"]


def test_a_transient_error_is_tried_again_with_growing_delays_until_it_works(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    for status in (500, 503):
        httpserver.expect_ordered_request("/hook").respond_with_data("later", status=status)
    httpserver.expect_ordered_request("/hook").respond_with_data("ok")
    row = make_notification(make_alert(project), slack)
    assert row.next_attempt_at

    for expected_delay in (5, 10):
        now = row.next_attempt_at
        assert deliver_due(now) == {NotificationStatus.FAILED: 1}
        row.refresh_from_db()
        assert row.next_attempt_at
        assert "Slack answered 50" in row.error
        assert 0 <= (row.next_attempt_at - now).total_seconds() - expected_delay < 2
        assert deliver_due(now) == {}
    assert deliver_due(row.next_attempt_at) == {NotificationStatus.SENT: 1}
    row.refresh_from_db()
    assert (row.status, row.attempt_count, row.error) == ("sent", 3, "")


def test_the_attempts_end(slack: NotificationChannel, project: Project, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("later", status=500)
    row = make_notification(make_alert(project), slack, attempt_count=11)
    assert deliver_due(NOW) == {NotificationStatus.GAVE_UP: 1}
    row.refresh_from_db()
    slack.refresh_from_db()
    assert row.error == "Gave up after 12 attempts: Slack answered 500: later"
    assert slack.broken_at is None


def test_retry_after_holds_the_whole_channel_and_no_other(
    slack: NotificationChannel, email: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_oneshot_request("/hook").respond_with_data(
        "slow down", status=429, headers={"Retry-After": "30"}
    )
    httpserver.expect_request("/hook").respond_with_data("ok")
    alerts = [make_alert(project) for _ in range(3)]
    for alert in alerts:
        make_notification(alert, slack)
    make_notification(alerts[0], email, recipient=ANA)

    assert deliver_due(NOW) == {NotificationStatus.FAILED: 1, NotificationStatus.SENT: 1}
    assert len(httpserver.log) == 1
    assert deliver_due(NOW + timedelta(seconds=29)) == {}
    assert deliver_due(NOW + timedelta(seconds=35)) == {NotificationStatus.SENT: 3}


def rate_limit(httpserver: HTTPServer, seconds: int) -> None:
    """Once; then all is well."""
    headers = {"Retry-After": str(seconds)}
    httpserver.expect_oneshot_request("/hook").respond_with_data("slow down", status=429, headers=headers)
    httpserver.expect_request("/hook").respond_with_data("ok")


def test_retry_after_holds_messages_that_come_later_too(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    rate_limit(httpserver, 600)
    make_notification(make_alert(project), slack)
    deliver_due(NOW)
    make_notification(make_alert(project), slack, next_attempt_at=NOW + timedelta(seconds=60))
    assert deliver_due(NOW + timedelta(seconds=599)) == {}
    assert len(httpserver.log) == 1
    assert deliver_due(NOW + timedelta(seconds=605)) == {NotificationStatus.SENT: 2}
    slack.refresh_from_db()
    assert slack.paused_until is None


def test_a_successful_test_message_ends_the_pause(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    rate_limit(httpserver, 600)
    make_notification(make_alert(project), slack)
    deliver_due(NOW)
    later = NOW + timedelta(seconds=60)
    make_notification(make_alert(project), slack, next_attempt_at=later)
    assert [row.status for row in send_test(slack, later)] == ["sent"]
    assert deliver_due(later) == {NotificationStatus.SENT: 1}


def test_a_pause_is_never_shortened_by_a_later_error(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    headers = {"Retry-After": "600"}
    httpserver.expect_oneshot_request("/hook").respond_with_data("wait", status=429, headers=headers)
    httpserver.expect_request("/hook").respond_with_data("no", status=500)
    make_notification(make_alert(project), slack)
    deliver_due(NOW)
    send_test(slack, NOW)
    make_notification(make_alert(project), slack)
    assert deliver_due(NOW + timedelta(seconds=599)) == {}


def test_a_permanent_error_breaks_the_channel_and_gives_up_what_waits_for_it(
    slack: NotificationChannel, email: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    httpserver.expect_request("/hook").respond_with_data("no_service", status=404)
    alerts = [make_alert(project) for _ in range(3)]
    for alert in alerts:
        make_notification(alert, slack)
    make_notification(alerts[0], slack, next_attempt_at=NOW + timedelta(hours=1))

    deliver_due(NOW)

    slack.refresh_from_db()
    email.refresh_from_db()
    assert slack.broken_at is not None
    assert slack.broken_reason == slack.last_error == "Slack answered 404: no_service"
    assert email.broken_at is None
    assert len(httpserver.log) == 1
    assert statuses() == ["gave_up"] * 4
    later = Notification.objects.get(next_attempt_at=NOW + timedelta(hours=1))
    assert later.error == "The channel is broken: Slack answered 404: no_service"

    make_notification(alerts[1], slack)
    assert deliver_due(NOW + timedelta(minutes=1)) == {NotificationStatus.GAVE_UP: 1}
    assert len(httpserver.log) == 1


def test_a_successful_test_message_mends_a_broken_channel(
    slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    NotificationChannel.objects.update(broken_at=NOW, broken_reason="Slack answered 404")
    httpserver.expect_oneshot_request("/hook").respond_with_data("later", status=500)
    httpserver.expect_request("/hook").respond_with_data("ok")

    (failed,) = send_test(slack, NOW)
    slack.refresh_from_db()
    assert (failed.status, failed.error) == ("gave_up", "Slack answered 500: later")
    assert slack.broken_at is not None

    (sent,) = send_test(slack, NOW)
    assert (sent.status, sent.purpose, sent.alert) == ("sent", Purpose.TEST, None)
    mended = NotificationChannel.objects.get(pk=slack.pk)
    assert (mended.broken_at, mended.broken_reason) == (None, "")
    assert told(httpserver)[-1] == "Test message: channel ops-slack works in Shop"


def test_a_disabled_channel_gets_nothing(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer
) -> None:
    NotificationChannel.objects.update(enabled=False)
    row = make_notification(make_alert(project), slack)
    assert deliver_due(NOW) == {NotificationStatus.GAVE_UP: 1}
    row.refresh_from_db()
    assert row.error == "The channel is disabled."
    assert httpserver.log == []


def test_rows_of_a_deleted_channel_are_given_up(slack: NotificationChannel, project: Project) -> None:
    row = make_notification(make_alert(project), slack)
    slack.delete()
    deliver_due(NOW)
    row.refresh_from_db()
    assert (row.status, row.error) == ("gave_up", "The channel was deleted.")


def test_a_rule_may_choose_another_slack_channel_for_a_bot(project: Project, httpserver: HTTPServer) -> None:
    httpserver.expect_request("/api/chat.postMessage").respond_with_json({"ok": True})
    channel = make_channel(project, "slack", {"bot_token": "xoxb-12345678", "channel": "#ops"})
    make_notification(make_alert(project), channel)
    make_notification(make_alert(project, notification_config={"slack": {"channel": "#db"}}), channel)
    deliver_due(NOW)
    assert [request.get_json()["channel"] for request, _ in httpserver.log] == ["#ops", "#db"]


def test_a_rules_mistyped_slack_channel_silences_that_rule_only(
    project: Project, httpserver: HTTPServer
) -> None:
    def answer(request: Request) -> Response:
        if request.get_json()["channel"] == "#typo":
            return Response('{"ok": false, "error": "channel_not_found"}')
        return Response('{"ok": true}')

    httpserver.expect_request("/api/chat.postMessage").respond_with_handler(answer)
    channel = make_channel(project, "slack", {"bot_token": "xoxb-12345678", "channel": "#ops"})
    mistyped = make_alert(project, notification_config={"slack": {"channel": "#typo"}})
    refused = make_notification(mistyped, channel)
    make_notification(make_alert(project), channel)
    assert deliver_due(NOW) == {NotificationStatus.GAVE_UP: 1, NotificationStatus.SENT: 1}
    refused.refresh_from_db()
    channel.refresh_from_db()
    assert (refused.status, refused.error) == ("gave_up", "Slack answered: channel_not_found")
    assert channel.broken_at is None


def test_secrets_that_can_not_be_read_break_the_channel_and_say_why(
    slack: NotificationChannel, project: Project, settings: Settings
) -> None:
    make_notification(make_alert(project), slack)
    settings.SECRET_KEY = "another"
    deliver_due(NOW)
    slack.refresh_from_db()
    assert "SECRET_KEY" in slack.broken_reason
    assert statuses() == ["gave_up"]


def test_a_configuration_under_a_former_key_is_renewed_when_it_is_used(
    slack: NotificationChannel, project: Project, httpserver: HTTPServer, settings: Settings
) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    make_notification(make_alert(project), slack)
    former, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    settings.SECRET_KEY_FALLBACKS = [former]
    assert deliver_due(NOW) == {NotificationStatus.SENT: 1}
    settings.SECRET_KEY_FALLBACKS = []
    slack.refresh_from_db()
    assert "webhook_url" in secrets.decrypt_config(slack.config_encrypted)


def test_no_secret_is_logged_or_kept_with_an_error(
    project: Project, httpserver: HTTPServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    channel = make_channel(project, "slack", {"webhook_url": httpserver.url_for("/hook/sesame")})
    # A configuration that came past validation: the library's own error would quote the header.
    bot = make_channel(project, "slack", {"bot_token": "sesame\nX: 1", "channel": "#ops"}, name="bot")
    httpserver.expect_request("/hook/sesame").respond_with_data("no", status=404)
    for one in (channel, bot):
        make_notification(make_alert(project), one)
    deliver_due(NOW)
    ours = [record.getMessage() for record in caplog.records if record.name != "werkzeug"]
    stored = [*Notification.objects.values_list("error", flat=True)]
    stored += NotificationChannel.objects.values_list("broken_reason", flat=True)
    assert "sesame" not in " ".join([*ours, *stored])
    assert "Internal error: ValueError" in stored
