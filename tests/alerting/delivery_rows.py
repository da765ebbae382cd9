"""Rows as the rest of alerting leaves them for the delivery."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from pytest_httpserver import HTTPServer

from alerting.models import Alert, Notification, NotificationChannel, Purpose, Rule, Status, Transition
from projects.models import Project

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
ANA, BOB = "ana@example.com", "bob@example.com"
_numbers = itertools.count()


def make_project(name: str = "Shop") -> Project:
    return Project.objects.create(name=name, slug=f"shop-{next(_numbers)}")


def make_channel(
    project: Project, kind: str, config: dict[str, Any], name: str = "ops"
) -> NotificationChannel:
    channel = NotificationChannel(project=project, kind=kind, name=f"{name}-{kind}")
    channel.config = config
    channel.save()
    return channel


def make_alert(project: Project, **changes: Any) -> Alert:
    """A firing alert: 6 events, threshold 5, for one minute."""
    rule = Rule.objects.create(
        project=project,
        name="High Error Rate",
        rule_type="event_frequency",
        source_type="telemetry_event",
        condition_config={"event_type": "error_event", "threshold": 5, "time_window_minutes": 1},
        severity="error",
        notification_config=changes.pop("notification_config", {}),
    )
    values: dict[str, Any] = {
        "labels": {"host_name": "web-1"},
        "status": Status.FIRING,
        "value": 6.0,
        "peak_value": 6.0,
        "pending_since": NOW - timedelta(minutes=1),
        "triggered_at": NOW - timedelta(minutes=1),
    }
    return Alert.objects.create(
        project=project,
        rule=rule,
        rule_name=changes.pop("rule_name", rule.name),
        severity=rule.severity,
        fingerprint=f"{next(_numbers):032x}",
        threshold=5.0,
        last_evaluated_at=NOW,
        **(values | changes),
    )


def make_notification(
    alert: Alert | None,
    channel: NotificationChannel | None,
    purpose: Purpose = Purpose.FIRING,
    **changes: Any,
) -> Notification:
    owner = alert or channel
    assert owner is not None
    values: dict[str, Any] = {"next_attempt_at": NOW, "created_at": NOW, "dedup_key": f"n{next(_numbers)}"}
    return Notification.objects.create(
        project_id=owner.project_id, alert=alert, channel=channel, purpose=purpose, **(values | changes)
    )


def change_status(alert: Alert, status: Status, now: datetime = NOW) -> Transition:
    """As the rule tick does; the value has fallen to 0 where the alert resolves."""
    transition = Transition.objects.create(
        project_id=alert.project_id,
        alert=alert,
        at=now,
        from_status=alert.status,
        to_status=status,
        actor="rule tick",
    )
    alert.status = status
    if status == Status.RESOLVED:
        alert.resolved_at, alert.value = now, 0.0
    alert.save()
    return transition


def resolve(alert: Alert, now: datetime = NOW) -> Transition:
    return change_status(alert, Status.RESOLVED, now)


def told(server: HTTPServer) -> list[str]:
    """The first words of each Slack message, in order of arrival."""
    return [request.get_json()["text"] for request, _ in server.log]


def statuses() -> list[str]:
    return list(Notification.objects.order_by("pk").values_list("status", flat=True))
