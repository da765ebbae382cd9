from __future__ import annotations

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString

from alerting.admin.badges import badge, reason_text
from alerting.models import Notification, NotificationStatus
from projects import figures
from projects.admin_base import ProjectFilter, ReadOnlyTelemetryAdmin

_MARKS = {
    NotificationStatus.PENDING: ("quiet", "schedule"),
    NotificationStatus.SENDING: ("quiet", "outgoing_mail"),
    NotificationStatus.SENT: ("good", "check_circle"),
    NotificationStatus.FAILED: ("warning", "replay"),
    NotificationStatus.GAVE_UP: ("bad", "error"),
}


def notification_badge(notification: Notification) -> SafeString:
    status = NotificationStatus(notification.status)
    return badge(*_MARKS[status], str(status.label), notification.error)


@admin.register(Notification)
class NotificationAdmin(ReadOnlyTelemetryAdmin):
    """Every message about an alert: where it went, or why it didn't."""

    empty_words = "Who was told of which alert, and how that went. Nobody was told of any in this project."
    keyset = ("created_at", "id")
    list_display = ("created_at", "about", "purpose", "place", "state", "attempt_count", "latency", "reason")
    list_filter = (ProjectFilter, "status", "purpose")
    list_select_related = ("alert", "channel")
    search_fields = ("alert__rule_name", "recipient")
    search_help_text = "Part of a rule's name or of an address"

    class Media:
        css = {"all": ("alerting/alerting.css",)}

    @admin.display(description="about")
    def about(self, notification: Notification) -> str:
        return notification.alert.rule_name if notification.alert else "a test"

    @admin.display(description="to")
    def place(self, notification: Notification) -> str:
        names = [notification.channel.name if notification.channel else "", notification.recipient]
        return ": ".join(name for name in names if name) or "a deleted channel"

    @admin.display(description="state")
    def state(self, notification: Notification) -> SafeString:
        return notification_badge(notification)

    @admin.display(description="took")
    def latency(self, notification: Notification) -> SafeString:
        return format_html('<span class="tabular-nums">{}</span>', figures.duration(notification.latency_ms))

    @admin.display(description="why")
    def reason(self, notification: Notification) -> SafeString | str:
        return reason_text(notification.error) if notification.error else figures.NOTHING
