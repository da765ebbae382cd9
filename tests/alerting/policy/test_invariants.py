"""Whatever happens in whatever order: no message twice, and every firing alert told or muted by name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pytest_httpserver import HTTPServer

from alerting.delivery import deliver_due
from alerting.models import (
    OPEN_STATUSES,
    Alert,
    InhibitionRule,
    MaintenanceWindow,
    Notification,
    NotificationChannel,
    NotificationPolicy,
    Purpose,
    Silence,
    Status,
)
from alerting.policy import silences
from projects.models import Project
from tests.alerting.delivery_rows import NOW, make_channel, make_project
from tests.alerting.policy.stage import acknowledge, end, fire, raise_to_critical

pytestmark = pytest.mark.django_db(transaction=True)

HOSTS = ("a", "b", "c")
Step = tuple[str, int]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "fire",
                "fire",
                "end",
                "acknowledge",
                "raise",
                "silence",
                "expire",
                "window",
                "deliver",
                "deliver",
            ]
        ),
        st.integers(0, 2),
    ),
    min_size=4,
    max_size=15,
)
WORLDS = st.fixed_dictionaries(
    {
        "group_by": st.sampled_from([None, [], ["host_name"], ["..."]]),
        "group_wait_seconds": st.sampled_from([0, 30]),
        "repeat_interval_seconds": st.sampled_from([0, 120, 14_400]),
        "limit": st.sampled_from([None, 1, 3]),
        "inhibits": st.booleans(),
    }
)


class World:
    """A project with a channel, to which things happen one after the other, 20 to 60 s apart."""

    def __init__(self, hook: str, parts: dict[str, object]) -> None:
        self.now = NOW
        self.project: Project = make_project()
        self.channel: NotificationChannel = make_channel(self.project, "slack", {"webhook_url": hook})
        limit = parts.pop("limit")
        NotificationChannel.objects.filter(pk=self.channel.pk).update(max_messages_per_minute=limit)
        if parts.pop("inhibits"):
            InhibitionRule.objects.create(
                project=self.project,
                name="root",
                source_matchers=["host_name=a"],
                target_matchers=["host_name=b"],
            )
        if parts["group_by"] is not None:
            NotificationPolicy.objects.create(
                project=self.project, name="all", group_interval_seconds=60, **parts
            )

    def open_alert(self, host: str) -> Alert | None:
        return Alert.objects.filter(
            project=self.project, labels={"host_name": host}, status__in=OPEN_STATUSES
        ).first()

    def take(self, step: Step) -> None:
        kind, number = step
        self.now += timedelta(seconds=20 * (number + 1))
        host = HOSTS[number]
        alert = self.open_alert(host)
        if kind == "fire" and alert is None:
            fire(self.project, [self.channel], self.now, rule=f"Rule {host}", labels={"host_name": host})
        elif kind == "end" and alert:
            end(alert, self.now)
        elif kind == "acknowledge" and alert and alert.status == Status.FIRING:
            acknowledge(alert, self.now)
        elif kind == "raise" and alert and not alert.is_critical:
            raise_to_critical(alert, self.now)
        elif kind == "silence":
            self.silence(host)
        elif kind == "expire":
            for one in Silence.objects.filter(project=self.project, ends_at__gt=self.now):
                silences.expire(one, self.now)
        elif kind == "window":
            MaintenanceWindow.objects.create(
                project=self.project,
                name="window",
                matchers=[f"host_name={host}"],
                starts_at=self.now,
                duration_minutes=2,
            )
        elif kind == "deliver":
            deliver_due(self.now)

    def silence(self, host: str) -> None:
        silences.create(
            project_id=self.project.pk,
            matchers=[f"host_name={host}"],
            starts_at=self.now,
            ends_at=self.now + timedelta(minutes=3),
            author="ana",
            comment="known",
            now=self.now,
        )

    def settle(self) -> None:
        """Let all that waits come to its end."""
        for _ in range(4):
            self.now += timedelta(minutes=11)
            deliver_due(self.now)


@pytest.fixture
def hooks(httpserver: HTTPServer) -> Iterator[HTTPServer]:
    yield httpserver
    httpserver.clear()


@settings(
    max_examples=10,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(WORLDS, STEPS)
def test_every_firing_alert_is_told_or_muted_by_name_and_nothing_is_said_twice(
    hooks: HTTPServer, parts: dict[str, object], steps: list[Step]
) -> None:
    hooks.clear()
    world = World(hooks.url_for("/hook"), dict(parts))
    hooks.expect_request("/hook").respond_with_data("ok")
    for step in steps:
        world.take(step)
    world.settle()
    check_rows(world.project, world.now)


def is_muted_for_now(row: Notification, now: datetime) -> bool:
    """An end that is told when what mutes it ends, as an inhibition by an alert that still fires."""
    is_end = row.purpose == Purpose.RESOLVED and row.status == "muted"
    return bool(is_end and row.next_attempt_at and row.next_attempt_at > now)


def check_rows(project: Project, now: datetime) -> None:
    rows = list(Notification.objects.filter(project=project).select_related("alert"))
    sent = [row for row in rows if row.status == "sent"]
    for row in rows:
        if row.status == "pending":
            # A reminder that was made just now waits for its group, or for the channel's limit.
            assert row.purpose == Purpose.REPEAT
            assert row.next_attempt_at
            assert row.next_attempt_at > now
            continue
        assert row.status in {"sent", "muted"}, (row.status, row.error)
        assert row.reason
        assert row.attempt_count == (1 if row.status == "sent" else 0)
    for alert in Alert.objects.filter(project=project):
        firing = [row for row in rows if row.alert_id == alert.pk and row.purpose == Purpose.FIRING]
        assert len(firing) == 1
        told = {row.purpose for row in sent if row.alert_id == alert.pk}
        if alert.status == Status.RESOLVED:
            waits = [row for row in rows if row.alert_id == alert.pk and is_muted_for_now(row, now)]
            assert (Purpose.RESOLVED in told or bool(waits)) == bool(told - {Purpose.RESOLVED})
        elif not told:
            assert firing[0].status == "muted"
            is_over = alert.status == Status.ACKNOWLEDGED
            assert is_over or (firing[0].next_attempt_at and firing[0].next_attempt_at > now)
    by_transition = [(row.transition_id, row.recipient) for row in sent if row.transition_id]
    assert len(by_transition) == len(set(by_transition))
