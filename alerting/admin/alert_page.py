"""What the page of one alert shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db.models import Q
from django.urls import reverse

from alerting.admin.badges import severity_badge, status_badge
from alerting.admin.notifications import notification_badge
from alerting.admin.rules import sentence
from alerting.models import Alert, Notification, NotificationStatus, Transition, TransitionKind
from alerting.state import format_number
from projects import figures


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline."""

    at: datetime
    what: str
    detail: str
    actor: str


def alert_page(alert: Alert, now: datetime) -> dict[str, Any]:
    """The template's context; `alert` has its rule and project loaded."""
    notifications = list(alert.notifications.select_related("channel").order_by("created_at", "id"))
    users = get_user_model().objects.filter(
        Q(projects=alert.project_id) | Q(is_superuser=True), is_active=True
    )
    return {
        "alert": alert,
        "severity_mark": severity_badge(alert.severity),
        "status_mark": status_badge(alert.status),
        "lasted": lasted(alert, now),
        "condition": sentence(alert.rule),
        "value": "no data" if alert.value is None else format_number(alert.value),
        "peak": "" if alert.peak_value is None else format_number(alert.peak_value),
        "threshold": format_number(alert.threshold),
        "operator": alert.rule.condition_config.get("operator", ">="),
        "labels": sorted(alert.labels.items()),
        "rule_url": reverse("admin:alerting_rule_change", args=[alert.rule_id]),
        "can_acknowledge": alert.is_open and alert.acknowledged_at is None,
        "timeline": timeline(alert.transitions.all(), notifications),
        "messages_sent": [
            {"place": place_of(one), "mark": notification_badge(one), "notification": one}
            for one in notifications
        ],
        "assignees": users.distinct().order_by("username"),
    }


def lasted(alert: Alert, now: datetime) -> str:
    """How long the episode is going on, or went on: 12 min."""
    since = alert.triggered_at or alert.pending_since
    return figures.age(since, alert.resolved_at or now).removesuffix(" ago").replace("now", "0 s")


def timeline(transitions: Iterable[Transition], notifications: Iterable[Notification]) -> list[Line]:
    """Changes, notes and delivered messages in the order they happened."""
    lines = [
        Line(one.at, _words_for(one), one.reason if one.kind != TransitionKind.ASSIGN else "", one.actor)
        for one in transitions
    ]
    for one in notifications:
        if one.status == NotificationStatus.SENT and one.sent_at:
            detail = f"{place_of(one)} in {figures.duration(one.latency_ms)}"
            lines.append(Line(one.sent_at, f"{one.get_purpose_display()} message delivered", detail, ""))
    return sorted(lines, key=lambda line: line.at)


def place_of(notification: Notification) -> str:
    names = [notification.channel.name if notification.channel else "", notification.recipient]
    return ": ".join(name for name in names if name) or "a deleted channel"


def _words_for(transition: Transition) -> str:
    if transition.kind == TransitionKind.NOTE:
        return "Note"
    if transition.kind == TransitionKind.ASSIGN:
        return transition.reason.capitalize()
    return transition.to_status.capitalize()
