"""Alerts that fire, change and resolve as the rule tick writes them, and what was said of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from pytest_httpserver import HTTPServer

from alerting import outbox
from alerting.models import (
    Alert,
    Notification,
    NotificationChannel,
    NotificationPolicy,
    Status,
    Transition,
    TransitionKind,
)
from projects.models import Project
from tests.alerting.delivery_rows import NOW, change_status, make_alert

SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

__all__ = ["HOUR", "MINUTE", "NOW", "SECOND"]


def fire(
    project: Project,
    channels: Sequence[NotificationChannel] = (),
    now: datetime = NOW,
    *,
    rule: str = "High Error Rate",
    severity: str = "error",
    **changes: Any,
) -> Alert:
    alert = make_alert(
        project, rule_name=rule, status=Status.PENDING, pending_since=now, triggered_at=now, **changes
    )
    Alert.objects.filter(pk=alert.pk).update(severity=severity)
    alert.refresh_from_db()
    alert.rule.channels.set(channels)
    outbox.enqueue_all([change_status(alert, Status.FIRING, now)], now)
    return alert


def end(alert: Alert, now: datetime) -> None:
    alert.refresh_from_db()
    outbox.enqueue_all([change_status(alert, Status.RESOLVED, now)], now)


def acknowledge(alert: Alert, now: datetime) -> None:
    alert.refresh_from_db()
    alert.acknowledged_at, alert.acknowledged_by = now, "ana"
    change_status(alert, Status.ACKNOWLEDGED, now)


def raise_to_critical(alert: Alert, now: datetime) -> None:
    alert.refresh_from_db()
    transition = Transition.objects.create(
        project_id=alert.project_id,
        alert=alert,
        at=now,
        kind=TransitionKind.SEVERITY,
        from_status=alert.severity,
        to_status="critical",
        actor="rule tick",
    )
    alert.severity, alert.is_critical = "critical", True
    alert.save()
    outbox.enqueue_all([transition], now)


def policy(
    project: Project, *channels: NotificationChannel, name: str = "all", **changes: Any
) -> NotificationPolicy:
    made = NotificationPolicy.objects.create(project=project, name=name, **changes)
    made.channels.set(channels)
    return made


def headlines(server: HTTPServer) -> list[str]:
    """What each Slack message begins with: state and rule."""
    return [request.get_json()["text"].split(" (")[0] for request, _ in server.log]


def fates(alert: Alert) -> list[tuple[str, str, str]]:
    """(purpose, status, reason) of each row about an alert, in the order in which they were written."""
    rows = Notification.objects.filter(alert=alert).order_by("pk")
    return list(rows.values_list("purpose", "status", "reason"))
