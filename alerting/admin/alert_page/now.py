"""How an alert stands now: its state, its number, its timeline, who was told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from alerting.admin.notifications import notification_badge, place_of, reason_of, why_url
from alerting.display.alerts import (
    comparison,
    has_first_condition,
    lasted,
    number_of,
    number_text,
    unit_of_alert,
)
from alerting.display.badges import badge, status_badge
from alerting.display.conditions import sentence
from alerting.models import Alert, Notification, NotificationStatus, Rule, Status, Transition, TransitionKind
from alerting.policy.muting import ActiveMutes, Mute
from alerting.rules import keeps_without_data
from alerting.values import value_text
from alerting.why.chain import page_of
from alerting.why.words import change_words
from projects import figures

MOST_LISTED = 500
"""Changes, and messages, that the page shows: an alert that flaps for months has many thousands."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the timeline."""

    at: datetime
    what: str
    detail: str
    actor: str


def alert_page(alert: Alert, now: datetime) -> dict[str, Any]:
    """What the template shows; `alert` has its rule and project loaded."""
    transitions = list(alert.transitions.order_by("-at", "-id")[:MOST_LISTED])[::-1]
    about = alert.notifications.select_related("channel").order_by("-created_at", "-id")
    notifications = list(about[:MOST_LISTED])[::-1]
    unit = unit_of_alert(alert)
    return {
        "alert": alert,
        "status_mark": status_badge(alert.status),
        "marks": _marks(alert),
        "quiet": _quiet(alert, now),
        "lasted": lasted(alert, now),
        "condition": sentence(alert.rule),
        "fired_on": "" if has_first_condition(alert) else _reason_of_opening(transitions),
        "number": number_text(alert, unit),
        "comparison": comparison(alert, unit),
        "keeps_without_data": alert.is_open and keeps_without_data(alert.rule),
        "worst": _worst(alert, unit),
        "resolution": _last_to(transitions, Status.RESOLVED),
        "labels": sorted(alert.labels.items()),
        "timeline": timeline(transitions, notifications),
        "is_cut": MOST_LISTED in {len(transitions), len(notifications)},
        "notifications": [_message(one) for one in notifications],
        "nobody_told": nobody_told(alert),
        # Asked only where nobody was told: it costs a query.
        "rule_tells": bool(notifications) or _tells(alert.rule),
    }


def _message(notification: Notification) -> dict[str, Any]:
    return {
        "place": place_of(notification),
        "mark": notification_badge(notification),
        "notification": notification,
        "said": reason_of(notification),
        "why_url": why_url(notification),
    }


@dataclass(frozen=True, slots=True)
class Quiet:
    """What keeps an open alert quiet now, whichever place would be told; its page, where it has one."""

    silence: Mute | None
    inhibition: Mute | None

    @property
    def mutes(self) -> list[tuple[Mute, str]]:
        return [(one, page_of(one.kind, one.id)) for one in (self.inhibition, self.silence) if one]


def _marks(alert: Alert) -> list[SafeString]:
    """What else to know of an alert at first sight."""
    marks = []
    if alert.is_critical and alert.rule.severity != alert.severity:
        marks.append(badge("critical", "trending_up", "raised", "Past the rule's critical threshold."))
    if alert.flapping_since and alert.is_open:
        began = timezone.localtime(alert.flapping_since)
        since = f"Comes and goes since {began:%Y-%m-%d %H:%M:%S}; stays until it is calm."
        marks.append(badge("warning", "swap_vert", "flapping", since))
    return marks


def _quiet(alert: Alert, now: datetime) -> Quiet | None:
    """None for an alert that is over: nothing would be told of it."""
    if not alert.is_open:
        return None
    muting = ActiveMutes(now).of(alert.project)
    first = muting.mute_of(alert)
    if first is None or first.kind != "inhibition":
        return Quiet(silence=first, inhibition=None)
    return Quiet(silence=muting.silence_of(alert), inhibition=first)


def nobody_told(alert: Alert) -> str:
    """Why an alert has no notifications, as far as that is known afterwards."""
    if alert.status == Status.PENDING:
        return "Nobody was told yet: a pending alert sends nothing."
    if alert.triggered_at is None:
        return "Nobody was told: the alert never fired."
    return "Nobody was told: the rule had no channels when it fired."


def _tells(rule: Rule) -> bool:
    return bool(rule.notification_config.get("email")) or rule.channels.exists()


def _worst(alert: Alert, unit: str) -> str:
    """The worst value so far, where the present one isn't it."""
    if alert.peak_value is None or alert.peak_value == number_of(alert):
        return ""
    return value_text(alert.peak_value, unit)


def _reason_of_opening(transitions: Sequence[Transition]) -> str:
    """What the tick saw when the alert fired, or when it became pending if it never did: `90 > 80`."""
    opened = [one for one in transitions if one.to_status in {Status.PENDING, Status.FIRING}]
    return opened[-1].reason if opened else ""


def _last_to(transitions: Sequence[Transition], status: Status) -> Transition | None:
    return next((one for one in reversed(transitions) if one.to_status == status), None)


def timeline(transitions: Iterable[Transition], notifications: Iterable[Notification]) -> list[Line]:
    """Changes, notes, and messages that were delivered or kept back, in the order they happened."""
    lines = [
        Line(
            one.at,
            change_words(one.kind, one.to_status, one.reason),
            one.reason if one.kind != TransitionKind.ASSIGN else "",
            one.actor,
        )
        for one in transitions
    ]
    for one in notifications:
        if one.status == NotificationStatus.SENT and one.sent_at:
            detail = f"{place_of(one)} in {figures.duration(one.latency_ms)}"
            lines.append(Line(one.sent_at, f"{one.get_purpose_display()} notification delivered", detail, ""))
        elif one.status == NotificationStatus.MUTED:
            detail = f"{place_of(one)}: {one.reason}"
            lines.append(Line(one.created_at, f"{one.get_purpose_display()} notification muted", detail, ""))
    return sorted(lines, key=lambda line: line.at)
