"""What the page of one alert shows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.safestring import SafeString

from alerting.admin.badges import badge, status_badge
from alerting.admin.conditions import condition_of, sentence
from alerting.admin.notifications import notification_badge, why_url
from alerting.models import Alert, Notification, NotificationStatus, Rule, Status, Transition, TransitionKind
from alerting.policy.muting import ActiveMutes, Mute
from alerting.rules import keeps_without_data
from alerting.state import COMPARE, format_number
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
    return {
        "alert": alert,
        "status_mark": status_badge(alert.status),
        "marks": _marks(alert),
        "quiet": _quiet(alert, now),
        "lasted": lasted(alert, now),
        "condition": sentence(alert.rule),
        "fired_on": "" if has_first_condition(alert) else _reason_of_opening(transitions),
        "number": number_text(alert),
        "comparison": comparison(alert),
        "keeps_without_data": alert.is_open and keeps_without_data(alert.rule),
        "worst": _worst(alert),
        "resolution": _last_to(transitions, Status.RESOLVED),
        "labels": sorted(alert.labels.items()),
        "timeline": timeline(transitions, notifications),
        "is_cut": MOST_LISTED in {len(transitions), len(notifications)},
        "notifications": [
            {
                "place": place_of(one),
                "mark": notification_badge(one),
                "notification": one,
                "said": "; ".join(filter(None, [one.reason, one.error])),
                "why_url": why_url(one),
            }
            for one in notifications
        ],
        "nobody_told": nobody_told(alert),
        # Asked only where nobody was told: it costs a query.
        "rule_tells": bool(notifications) or _tells(alert.rule),
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


def number_of(alert: Alert) -> float | None:
    """The value that matters: the present one, and the worst once the alert is over."""
    return alert.peak_value if alert.status == Status.RESOLVED else alert.value


def number_text(alert: Alert) -> str:
    number = number_of(alert)
    return "no data" if number is None else format_number(number)


def comparison(alert: Alert) -> str:
    """How that number stands to the threshold: `> 80`, or `no longer > 80`; empty where nobody can say.

    A condition that was edited since says nothing about an alert that opened before.
    """
    condition, number = condition_of(alert.rule), number_of(alert)
    if condition is None or number is None or not has_first_condition(alert):
        return ""
    limit = f"{condition.operator} {format_number(alert.threshold)}"
    return limit if COMPARE[condition.operator](number, alert.threshold) else f"no longer {limit}"


def has_first_condition(alert: Alert) -> bool:
    """Whether the rule's condition is still the one that the alert opened on."""
    changed_at = alert.rule.condition_changed_at
    return changed_at is None or changed_at <= (alert.triggered_at or alert.pending_since)


def nobody_told(alert: Alert) -> str:
    """Why an alert has no notifications, as far as that is known afterwards."""
    if alert.status == Status.PENDING:
        return "Nobody was told yet: a pending alert sends nothing."
    if alert.triggered_at is None:
        return "Nobody was told: the alert never fired."
    return "Nobody was told: the rule had no channels when it fired."


def _tells(rule: Rule) -> bool:
    return bool(rule.notification_config.get("email")) or rule.channels.exists()


def _worst(alert: Alert) -> str:
    """The worst value so far, where the present one isn't it."""
    if alert.peak_value is None or alert.peak_value == number_of(alert):
        return ""
    return format_number(alert.peak_value)


def _reason_of_opening(transitions: Sequence[Transition]) -> str:
    """What the tick saw when the alert fired, or when it became pending if it never did: `90 > 80`."""
    opened = [one for one in transitions if one.to_status in {Status.PENDING, Status.FIRING}]
    return opened[-1].reason if opened else ""


def _last_to(transitions: Sequence[Transition], status: Status) -> Transition | None:
    return next((one for one in reversed(transitions) if one.to_status == status), None)


def lasted(alert: Alert, now: datetime) -> str:
    """How long the episode is going on, or went on: 12 min."""
    since = alert.triggered_at or alert.pending_since
    return figures.age(since, max(alert.resolved_at or now, since)).removesuffix(" ago").replace("now", "0 s")


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


def place_of(notification: Notification) -> str:
    names = [notification.channel.name if notification.channel else "", notification.recipient]
    return ": ".join(name for name in names if name) or "a deleted channel"
