"""What a person has to look at for alerting to work: rules, channels and messages that don't, each with its page."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet, Sum
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerting.admin.channel_state import channel_state
from alerting.admin.notifications import why_url
from alerting.delivery.claims import UNFINISHED
from alerting.display.badges import badge
from alerting.health.stalls import LATE_RULE, DueRule
from alerting.models import Health, MissedSlots, Notification, NotificationChannel, Rule
from projects import figures
from projects.models import Project

SHOWN = 10
"""Of each kind; a page that lists hundreds helps nobody."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One thing with its page; `since` is empty where only the present counts."""

    mark: SafeString
    what: str
    url: str
    detail: str
    since: SafeString | str = ""


def unhealthy_rules(projects: QuerySet[Project]) -> list[Trouble]:
    rows = Rule.objects.filter(project__in=projects, enabled=True, deleted_at=None, health=Health.UNHEALTHY)
    mark = badge("bad", "error", "unhealthy")
    return [Trouble(mark, rule.name, _rule_url(rule.pk), rule.last_error) for rule in rows[:SHOWN]]


def late_rules(waiting: Sequence[DueRule], now: datetime) -> list[Trouble]:
    """Of the rules that are due those that wait for too long."""
    mark = badge("warning", "hourglass_bottom", "late")
    return [
        Trouble(
            mark,
            rule.name,
            _rule_url(rule.id),
            f"evaluated every {figures.duration(1000 * rule.interval_seconds)}",
            format_html("due {}", figures.age_html(rule.due_at, now)),
        )
        for rule in waiting
        if now - rule.due_at > LATE_RULE
    ]


def missed_slots(projects: QuerySet[Project], now: datetime) -> QuerySet[MissedSlots]:
    """Of the last 24 hours."""
    return MissedSlots.objects.filter(rule__project__in=projects, hour__gt=now - timedelta(hours=24))


def rules_that_missed(projects: QuerySet[Project], now: datetime) -> list[Mapping[str, Any]]:
    """`rule`, its name and interval, and the `total` of its missed slots; most first."""
    missed = missed_slots(projects, now).values("rule", "rule__name", "rule__evaluation_interval_seconds")
    return list(missed.annotate(total=Sum("count")).order_by("-total", "rule")[:SHOWN])


def rules_with_missed_slots(
    projects: QuerySet[Project], now: datetime, rows: Sequence[Mapping[str, Any]] | None = None
) -> list[Trouble]:
    """`rows`: as `rules_that_missed` gives them, where they are known already."""
    mark = badge("warning", "event_busy", "missed slots")
    return [
        Trouble(
            mark,
            row["rule__name"],
            _rule_url(row["rule"]),
            f"{figures.number(row['total'])} in 24 h, evaluated every "
            f"{figures.duration(1000 * row['rule__evaluation_interval_seconds'])}",
        )
        for row in (rules_that_missed(projects, now) if rows is None else rows)
    ]


def channels_in_trouble(projects: QuerySet[Project], now: datetime) -> list[Trouble]:
    """Broken and paused ones, and those whose last message failed; disabled ones are as somebody wanted them."""
    channels = NotificationChannel.objects.filter(project__in=projects, enabled=True).filter(
        Q(broken_at__isnull=False) | Q(paused_until__gt=now) | Q(last_error_at__isnull=False)
    )
    found = []
    for channel in channels:
        state = channel_state(channel, now)
        if state.kind in {"bad", "warning"}:
            url = reverse("admin:alerting_notificationchannel_change", args=[channel.pk])
            since = channel.broken_at or channel.last_error_at
            found.append(
                Trouble(
                    badge(state.kind, state.icon, state.word),
                    channel.name,
                    url,
                    state.reason,
                    figures.age_html(since, now) if since else "",
                )
            )
    return found[:SHOWN]


def waiting_messages(projects: QuerySet[Project]) -> list[Notification]:
    """Oldest first; what a silence or quiet hours keep back is not undelivered."""
    rows = Notification.objects.filter(project__in=projects, status__in=UNFINISHED)
    return list(rows.select_related("alert", "channel").order_by("created_at", "pk")[:SHOWN])


def undelivered_messages(rows: Iterable[Notification], now: datetime) -> list[Trouble]:
    """What still waits."""
    return [
        Trouble(
            badge("warning", "outgoing_mail", str(row.get_status_display()).partition(",")[0].lower()),
            f"{row.alert.rule_name if row.alert else row.get_purpose_display()} to "
            f"{row.recipient or (row.channel.name if row.channel else 'a deleted channel')}",
            why_url(row) or reverse("admin:alerting_notification_change", args=[row.pk]),
            row.error or row.reason,
            figures.age_html(row.created_at, now),
        )
        for row in rows
    ]


def _rule_url(pk: int) -> str:
    return reverse("admin:alerting_rule_change", args=[pk])
