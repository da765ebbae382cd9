"""Every message about an alert, and what became of each attempt to send it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from alerting.models.alerts import Alert, Transition
from alerting.models.channels import NotificationChannel
from alerting.models.policy import NotificationPolicy
from projects.models import Project


class Purpose(models.TextChoices):
    FIRING = "firing", "Firing"
    RESOLVED = "resolved", "Resolved"
    TEST = "test", "Test"
    REPEAT = "repeat", "Reminder"
    RAISED = "raised", "Raised to critical"
    UPDATE = "update", "Update"
    MAINTENANCE = "maintenance", "Maintenance"


class NotificationStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed, will be tried again"
    GAVE_UP = "gave_up", "Gave up"
    MUTED = "muted", "Muted"


class DeliveryTurn(models.Model):
    """The one row of the deliverer whose turn it is: one pass at a time leaves the other worker to the rule tick."""

    holder = models.UUIDField()
    lease_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.holder} until {self.lease_until}"


class Notification(models.Model):
    """One thing to tell one place: a row of the outbox. Rows are the truth, Celery messages only hints.

    `recipient` is empty where the channel says where to; without a channel it is a mail address of the rule. Rows that
    went out together share a `message_key`. `reason` says why it was sent, or why not: a muted row is looked at again
    at `next_attempt_at`, which is null where that can change nothing any more. `muted_by` names the silence, window
    or rule: `{"kind", "id", "name"}`. `text` is for messages that are about no alert.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    alert = models.ForeignKey(
        Alert, null=True, blank=True, on_delete=models.CASCADE, related_name="notifications"
    )
    transition = models.ForeignKey(
        Transition, null=True, blank=True, on_delete=models.CASCADE, related_name="notifications"
    )
    channel = models.ForeignKey(
        NotificationChannel, null=True, blank=True, on_delete=models.SET_NULL, related_name="notifications"
    )
    recipient = models.CharField(max_length=320, blank=True, default="")
    purpose = models.CharField(max_length=12, choices=Purpose.choices)
    status = models.CharField(
        max_length=10, choices=NotificationStatus.choices, default=NotificationStatus.PENDING
    )
    attempt_count = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    dedup_key = models.CharField(max_length=400, unique=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    latency_ms = models.FloatField(null=True, blank=True)
    error = models.TextField(blank=True, default="")
    policy = models.ForeignKey(
        NotificationPolicy, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", db_index=False
    )
    group_key = models.CharField(max_length=32, blank=True, default="")
    message_key = models.CharField(max_length=32, blank=True, default="")
    reason = models.TextField(blank=True, default="")
    muted_by = models.JSONField(null=True, blank=True)
    text = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["channel", "sent_at"], name="notification_sent", condition=Q(sent_at__isnull=False)
            ),
            models.Index(
                fields=["next_attempt_at"],
                name="notification_due",
                condition=Q(status__in=["pending", "sending", "failed", "muted"]),
            ),
            models.Index(fields=["project", "created_at", "id"], name="notification_project_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} to {self.channel or self.recipient}"


class Attempt(models.Model):
    """One try to deliver a notification, and what came of it."""

    notification = models.ForeignKey(Notification, on_delete=models.CASCADE, related_name="attempts")
    at = models.DateTimeField()
    status = models.CharField(max_length=10, choices=NotificationStatus.choices)
    latency_ms = models.FloatField()
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["at", "id"]

    def __str__(self) -> str:
        return f"{self.get_status_display()} at {self.at}"


class ChannelThread(models.Model):
    """What a channel calls its message about an alert, so that later ones change or follow it."""

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="threads", db_index=False)
    channel = models.ForeignKey(NotificationChannel, on_delete=models.CASCADE, related_name="+")
    reference = models.JSONField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["alert", "channel"], name="channel_thread_once")]

    def __str__(self) -> str:
        return f"{self.alert_id} in {self.channel_id}"


class NotificationGroup(models.Model):
    """Alerts that one place hears of together, and when it last did. `key` hashes policy and label values."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=32)
    place = models.CharField(max_length=340)
    next_flush_at = models.DateTimeField()
    last_flush_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["project", "key", "place"], name="group_once")]

    def __str__(self) -> str:
        return f"{self.key} to {self.place}"
