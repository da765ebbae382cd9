"""What keeps quiet (5 to 7): inhibition, maintenance, silences, quiet hours, and what is told when they end."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_httpserver import HTTPServer

from alerting.delivery import claims, deliver_due
from alerting.delivery.lanes import BATCH, Clock, run_lane
from alerting.models import (
    InhibitionRule,
    MaintenanceWindow,
    Notification,
    NotificationChannel,
    NotificationStatus,
    Silence,
)
from alerting.policy import silences
from alerting.policy.inhibition import Inhibition, OpenAlert, Rule
from alerting.policy.matchers import facts_of
from projects.models import Project
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
)

pytestmark = pytest.mark.django_db(transaction=True)

SENT, MUTED = NotificationStatus.SENT, NotificationStatus.MUTED


@pytest.fixture(autouse=True)
def slack_answers(httpserver: HTTPServer) -> None:
    httpserver.expect_request("/hook").respond_with_data("ok")
    httpserver.expect_request("/other").respond_with_data("ok")


def silence(project: Project, *matchers: str, minutes: float = 60, now: datetime = NOW) -> Silence:
    return silences.create(
        project_id=project.pk,
        matchers=matchers,
        starts_at=now,
        ends_at=now + timedelta(minutes=minutes),
        author="ana",
        comment="disk is being swapped",
        now=now,
    )


def inhibit(project: Project, source: str, target: str, *equal: str) -> InhibitionRule:
    return InhibitionRule.objects.create(
        project=project,
        name="root cause",
        source_matchers=[source],
        target_matchers=[target],
        equal_labels=list(equal),
    )


@pytest.mark.parametrize(
    ("kinds", "winner"),
    [
        (["inhibition", "maintenance", "silence", "quiet_hours"], "inhibition"),
        (["maintenance", "silence", "quiet_hours"], "maintenance"),
        (["silence", "quiet_hours"], "silence"),
        (["quiet_hours"], "quiet_hours"),
    ],
)
def test_5_the_stages_come_in_order_and_a_muted_row_names_the_first(
    project: Project, slack: NotificationChannel, kinds: list[str], winner: str
) -> None:
    if "inhibition" in kinds:
        inhibit(project, "rule=Root", "rule=Leaf")
        fire(project, rule="Root")
    if "maintenance" in kinds:
        MaintenanceWindow.objects.create(project=project, name="nightly", starts_at=NOW - MINUTE)
    if "silence" in kinds:
        silence(project, "rule=Leaf")
    if "quiet_hours" in kinds:
        quiet(slack)
    leaf = fire(project, [slack], rule="Leaf")
    assert deliver_due(NOW) == {MUTED: 1}
    row = Notification.objects.get(alert=leaf)
    assert row.muted_by
    assert row.muted_by["kind"] == winner
    assert row.reason
    assert row.attempt_count == 0


def quiet(channel: NotificationChannel) -> None:
    channel.quiet_from = (NOW - HOUR).time()
    channel.quiet_until = (NOW + HOUR).time()
    channel.quiet_severities = ["error"]
    channel.save()


def test_5_quiet_hours_let_other_severities_through_and_end(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    quiet(slack)
    fire(project, [slack], rule="Quiet")
    fire(project, [slack], rule="Loud", severity="critical")
    deliver_due(NOW)
    assert headlines(httpserver) == ["Firing: Loud"]
    deliver_due(NOW + HOUR)
    assert headlines(httpserver) == ["Firing: Loud", "Firing: Quiet"]


def test_6_a_target_is_muted_while_a_source_with_equal_labels_fires(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    inhibit(project, "rule=Root", "rule=Leaf", "host_name")
    root = fire(project, rule="Root", labels={"host_name": "a"})
    leaf = fire(project, [slack], rule="Leaf", labels={"host_name": "a"})
    fire(project, [slack], rule="Leaf", labels={"host_name": "b"})
    assert deliver_due(NOW) == {MUTED: 1, SENT: 1}
    assert fates(leaf) == [("firing", "muted", "inhibited by root cause: Root fires")]

    acknowledge(root, NOW + 10 * SECOND)
    assert deliver_due(NOW + 65 * SECOND) == {MUTED: 1}
    end(root, NOW + 70 * SECOND)
    assert deliver_due(NOW + 130 * SECOND) == {SENT: 1}
    assert fates(leaf) == [("firing", "sent", "first notification")]


def test_6_two_alerts_that_match_both_sides_do_not_mute_each_other(
    project: Project, slack: NotificationChannel
) -> None:
    inhibit(project, 'severity=~"error|critical"', 'severity=~"error|warning"')
    fire(project, [slack])
    fire(project, [slack], rule="Twin")
    assert deliver_due(NOW) == {SENT: 2}
    warning = fire(project, [slack], rule="Below", severity="warning")
    assert deliver_due(NOW) == {MUTED: 1}
    assert fates(warning)[0][1] == "muted"


def test_6_a_muted_source_still_inhibits(project: Project, slack: NotificationChannel) -> None:
    inhibit(project, "rule=Root", "rule=Leaf")
    silence(project, "rule=Root")
    fire(project, [slack], rule="Root")
    fire(project, [slack], rule="Leaf")
    assert deliver_due(NOW) == {MUTED: 2}


def test_6_many_inhibited_alerts_are_looked_at_with_one_look_at_the_open_ones_and_after_all_others(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    inhibit(project, "rule=Root", "rule=Leaf")
    fire(project, rule="Root")
    for _ in range(2 * BATCH + 1):
        fire(project, [slack], rule="Leaf")
    with CaptureQueriesContext(connection) as queries:
        assert run_lane(slack.pk, Clock(NOW)) == {MUTED: 2 * BATCH + 1}
    reads = [one["sql"] for one in queries if 'FROM "alerting_alert" WHERE' in one["sql"]]
    assert len(reads) == 1
    later = NOW + 65 * SECOND
    fire(project, [slack], later, rule="Fresh")
    claimed = claims.claim(slack.pk, now=later, limit=1)
    assert [flush.first.alert.rule_name for flush in claimed.flushes if flush.first.alert] == ["Fresh"]


def test_6_an_alert_that_fires_with_its_root_cause_while_messages_go_out_is_inhibited() -> None:
    def alert(rule: str) -> OpenAlert:
        return OpenAlert(uuid4(), facts_of({}, rule=rule, severity="error", project="shop"))

    before, leaf, root = alert("Leaf"), alert("Leaf"), alert("Root")
    firing = [before]
    inhibition = Inhibition([Rule(1, "root cause", ["rule=Root"], ["rule=Leaf"], [])], lambda: firing)
    assert inhibition.inhibitor_of(before) is None
    firing += [root, leaf]
    inhibition.expect(before.id)
    assert inhibition.inhibitor_of(before) is None
    inhibition.expect(leaf.id)
    found = inhibition.inhibitor_of(leaf)
    assert found
    assert found.source == root


@pytest.mark.parametrize(("until", "again"), [(5 * MINUTE, 5 * MINUTE), (HOUR, 10 * MINUTE)])
def test_7_a_mute_is_looked_at_again_at_its_end_or_after_ten_minutes(
    project: Project, slack: NotificationChannel, until: timedelta, again: timedelta
) -> None:
    silence(project, "host_name=web-1", minutes=until / MINUTE)
    fire(project, [slack])
    run_lane(slack.pk, Clock(NOW))
    row = Notification.objects.get()
    assert row.next_attempt_at
    assert abs(row.next_attempt_at - (NOW + again)) < 5 * SECOND


def test_7_a_silence_mutes_from_start_to_end_and_what_still_fires_is_told_then(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    silence(project, "host_name=web-1", minutes=30)
    stays = fire(project, [slack], rule="Stays")
    goes = fire(project, [slack], rule="Goes")
    assert deliver_due(NOW) == {MUTED: 2}
    assert fates(stays) == [
        ("firing", "muted", "silenced by ana until 2026-03-01 12:30 UTC: disk is being swapped")
    ]
    end(goes, NOW + 5 * MINUTE)
    deliver_due(NOW + 30 * MINUTE)
    assert headlines(httpserver) == ["Firing: Stays"]
    ((_, status, reason),) = fates(goes)
    assert (status, reason.split("; ")[1]) == ("muted", "resolved meanwhile")
    assert Notification.objects.get(alert=goes).next_attempt_at is None


def test_7_a_silence_that_is_expired_early_lets_through_at_once(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    one = silence(project, "host_name=web-1")
    fire(project, [slack])
    deliver_due(NOW)
    silences.expire(one, NOW + MINUTE)
    assert deliver_due(NOW + MINUTE) == {SENT: 1}


def test_7_what_was_told_before_a_silence_ends_with_a_message_after_it(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    alert = fire(project, [slack])
    deliver_due(NOW)
    silence(project, "host_name=web-1", minutes=30)
    end(alert, NOW + MINUTE)
    deliver_due(NOW + MINUTE)
    assert headlines(httpserver) == ["Firing: High Error Rate"]
    deliver_due(NOW + 30 * MINUTE)
    assert headlines(httpserver) == ["Firing: High Error Rate", "Resolved: High Error Rate"]


def test_7_what_is_acknowledged_while_it_is_muted_is_told_to_nobody(
    project: Project, slack: NotificationChannel, httpserver: HTTPServer
) -> None:
    silence(project, "host_name=web-1", minutes=30)
    alert = fire(project, [slack])
    deliver_due(NOW)
    acknowledge(alert, NOW + MINUTE)
    deliver_due(NOW + 30 * MINUTE)
    assert httpserver.log == []
    assert fates(alert)[0][2].endswith("; acknowledged meanwhile")


def test_7_a_maintenance_window_mutes_by_name(project: Project, slack: NotificationChannel) -> None:
    MaintenanceWindow.objects.create(
        project=project,
        name="nightly",
        matchers=["host_name=web-1"],
        starts_at=NOW - timedelta(days=3),
        duration_minutes=60,
        recurrence="FREQ=DAILY",
    )
    alert = fire(project, [slack])
    assert deliver_due(NOW) == {MUTED: 1}
    assert fates(alert)[0][2] == "maintenance window nightly until 2026-03-01 13:00 UTC"
    assert deliver_due(NOW + HOUR) == {SENT: 1}
