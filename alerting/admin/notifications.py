from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerting.display.badges import badge, reason_text
from alerting.models import Notification, NotificationChannel, NotificationStatus, Purpose
from projects import figures
from projects.admin_base import ProjectFilter, ReadOnlyTelemetryAdmin
from projects.visibility import visible_projects

_MARKS = {
    NotificationStatus.PENDING: ("quiet", "schedule"),
    NotificationStatus.SENDING: ("quiet", "outgoing_mail"),
    NotificationStatus.SENT: ("good", "check_circle"),
    NotificationStatus.FAILED: ("warning", "replay"),
    NotificationStatus.GAVE_UP: ("bad", "error"),
    NotificationStatus.MUTED: ("quiet", "notifications_off"),
}
_PERIODS = {
    "1h": ("Last hour", timedelta(hours=1)),
    "1d": ("Last 24 hours", timedelta(days=1)),
    "7d": ("Last 7 days", timedelta(days=7)),
}


def status_mark(status: str, title: str = "") -> SafeString:
    """The state of a notification or of an attempt as a badge."""
    known = NotificationStatus(status)
    return badge(*_MARKS[known], str(known.label), title)


def notification_badge(notification: Notification) -> SafeString:
    return status_mark(notification.status, notification.error or notification.reason)


def why_url(notification: Notification) -> str:
    """The chain of its alert, at this message; empty for messages about no alert."""
    if notification.alert_id is None:
        return ""
    page = reverse("admin:alerting_alert_why", args=[notification.alert_id])
    return f"{page}#message-{notification.pk}"


def place_of(notification: Notification) -> str:
    """Its channel, and who of it."""
    names = [notification.channel.name if notification.channel else "", notification.recipient]
    return ": ".join(name for name in names if name) or "a deleted channel"


def reason_of(notification: Notification) -> str:
    """Why it is as it is; empty where there is nothing to say."""
    return "; ".join(filter(None, [notification.reason, notification.error]))


class ChannelFilter(admin.SimpleListFilter):
    """The channels of the project that is shown."""

    title = "channel"
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        projects = visible_projects(request.user)
        chosen = request.GET.get(ProjectFilter.parameter_name, "")
        shown = [one for one in projects if str(one.pk) == chosen] or projects[:1]
        names = NotificationChannel.objects.filter(project__in=[project.pk for project in shown])
        return [(str(pk), name) for pk, name in names.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notification]) -> QuerySet[Notification]:
        chosen = self.value()
        if chosen is None:
            return queryset
        return (
            queryset.filter(channel=int(chosen)) if chosen in dict(self.lookup_choices) else queryset.none()
        )


class PeriodFilter(admin.SimpleListFilter):
    title = "time"
    parameter_name = "period"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(value, label) for value, (label, _) in _PERIODS.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Notification]) -> QuerySet[Notification]:
        chosen = _PERIODS.get(self.value() or "")
        return queryset.filter(created_at__gte=timezone.now() - chosen[1]) if chosen else queryset


@admin.register(Notification)
class NotificationAdmin(ReadOnlyTelemetryAdmin):
    """Every message: where it went and why, or why it didn't."""

    empty_words = "Who was told of which alert, and how that went. Nobody was told of any in this project."
    keyset = ("created_at", "id")
    list_display = ("created_at", "about", "purpose", "place", "state", "attempt_count", "latency", "reason")
    list_filter = (ProjectFilter, ChannelFilter, "status", "purpose", PeriodFilter)
    list_select_related = ("alert", "channel")
    search_fields = ("alert__rule_name", "recipient")
    search_help_text = "Part of a rule's name or of an address"
    fieldsets = (
        (None, {"fields": ("about", "purpose", "place", "state", "reason")}),
        (
            "Delivery",
            {"fields": ("attempts", "created_at", "sent_at", "latency", "next_attempt_at", "policy")},
        ),
    )
    readonly_fields = ("about", "place", "state", "reason", "latency", "attempts")

    class Media:
        css = {"all": ("alerting/alerting.css",)}

    @admin.display(description="about")
    def about(self, notification: Notification) -> SafeString | str:
        """A link to the alert's chain, where that is what the message is about."""
        if notification.alert is None:
            return notification.text or ("a test" if notification.purpose == Purpose.TEST else "no alert")
        return format_html(
            '<a class="state-link" href="{}">{}</a>', why_url(notification), notification.alert.rule_name
        )

    @admin.display(description="to")
    def place(self, notification: Notification) -> str:
        return place_of(notification)

    @admin.display(description="state")
    def state(self, notification: Notification) -> SafeString:
        return notification_badge(notification)

    @admin.display(description="took")
    def latency(self, notification: Notification) -> SafeString:
        return format_html('<span class="tabular-nums">{}</span>', figures.duration(notification.latency_ms))

    @admin.display(description="why")
    def reason(self, notification: Notification) -> SafeString | str:
        text = reason_of(notification)
        return reason_text(text) if text else figures.NOTHING

    @admin.display(description="attempts")
    def attempts(self, notification: Notification) -> SafeString | str:
        lines = [
            format_html(
                "<li>{} {} in {} {}</li>",
                f"{timezone.localtime(one.at):%Y-%m-%d %H:%M:%S}",
                status_mark(one.status),
                figures.duration(one.latency_ms),
                one.error,
            )
            for one in notification.attempts.all()
        ]
        if not lines:
            return "none yet"
        return format_html('<ol class="alert-timeline">{}</ol>', SafeString("".join(lines)))
