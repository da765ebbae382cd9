"""Rules, the alerts they open, every change of an alert, and every message about one."""

from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from projects.models import Project


class Source(models.TextChoices):
    TELEMETRY_EVENT = "telemetry_event", "Events"
    SYSTEM_METRIC = "system_metric", "Metrics"
    BUSINESS_METRIC = "business_metric", "Business metrics"
    TRACE = "trace", "Traces"


class Severity(models.TextChoices):
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"
    CRITICAL = "critical", "Critical"


class NoData(models.TextChoices):
    KEEP = "keep", "Keep the state"
    OK = "ok", "Treat as fine"
    ALERT = "alert", "Treat as wrong"


class Health(models.TextChoices):
    UNKNOWN = "unknown", "Not evaluated yet"
    OK = "ok", "OK"
    UNHEALTHY = "unhealthy", "Unhealthy"


class Status(models.TextChoices):
    PENDING = "pending", "Pending"
    FIRING = "firing", "Firing"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RESOLVED = "resolved", "Resolved"


OPEN_STATUSES = (Status.PENDING, Status.FIRING, Status.ACKNOWLEDGED)


class NotificationChannel(models.Model):
    """A place where messages go. Its configuration is encrypted because it holds secrets.

    `paused_until`: nothing but tests is sent before, as the other side asked or the last attempt failed.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="notification_channels")
    name = models.CharField(max_length=100)
    kind = models.CharField(max_length=20)
    config_encrypted = models.TextField(editable=False)
    enabled = models.BooleanField(default=True)
    broken_at = models.DateTimeField(null=True, blank=True, editable=False)
    broken_reason = models.TextField(blank=True, default="", editable=False)
    paused_until = models.DateTimeField(null=True, blank=True, editable=False)
    last_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, default="", editable=False)
    last_error_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_latency_ms = models.FloatField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                "project",
                "name",
                name="channel_name_unique",
                violation_error_message="This project has a channel of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def config(self) -> dict[str, Any]:
        """The configuration in the clear, secrets included: never log or show it."""
        from alerting import secrets

        return secrets.decrypt_config(self.config_encrypted)

    @config.setter
    def config(self, value: dict[str, Any]) -> None:
        from alerting import secrets

        self.config_encrypted = secrets.encrypt_config(value)

    @property
    def readable_config(self) -> dict[str, Any]:
        """`config`, but empty where its secrets can't be read any more: who edits it enters them again."""
        from alerting import secrets

        try:
            return self.config
        except secrets.UnreadableConfigError:
            return {}

    def give_another_chance(self) -> None:
        """What was held against the former configuration says nothing of a corrected one. Not saved."""
        self.broken_at, self.broken_reason, self.paused_until = None, "", None


class Rule(models.Model):
    """What to watch, when it is wrong, who is told. `alerting.rule_types` knows the types.

    `condition_changed_at` is the last edit of the condition, `coverage_changed_at` the last that changed which label
    sets it has.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rules")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    rule_type = models.CharField(max_length=40)
    source_type = models.CharField(max_length=20, choices=Source.choices)
    condition_config = models.JSONField(default=dict)
    severity = models.CharField(max_length=10, choices=Severity.choices, default=Severity.WARNING)
    channels = models.ManyToManyField(NotificationChannel, blank=True, related_name="rules")
    notification_config = models.JSONField(default=dict, blank=True)
    evaluation_interval_seconds = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)])
    for_seconds = models.PositiveIntegerField(
        default=0, help_text="How long the condition must hold before the alert fires."
    )
    keep_firing_for_seconds = models.PositiveIntegerField(
        default=0, help_text="How long an alert keeps firing after its condition has cleared."
    )
    recovery_threshold = models.FloatField(
        null=True, blank=True, help_text="A firing alert recovers only when the value is past this one too."
    )
    no_data = models.CharField(max_length=5, choices=NoData.choices, default=NoData.KEEP)
    enabled = models.BooleanField(default=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    condition_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    coverage_changed_at = models.DateTimeField(null=True, blank=True, editable=False)
    next_evaluation_at = models.DateTimeField(default=timezone.now, editable=False)
    last_evaluated_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_evaluation_duration_ms = models.FloatField(null=True, blank=True, editable=False)
    missed_evaluation_count = models.PositiveBigIntegerField(default=0, editable=False)
    health = models.CharField(max_length=10, choices=Health.choices, default=Health.UNKNOWN, editable=False)
    last_error = models.TextField(blank=True, default="", editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["name"]
        indexes = [
            models.Index(
                fields=["next_evaluation_at"],
                name="rule_due",
                condition=Q(enabled=True, deleted_at=None),
            )
        ]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """One episode of a rule for one label set. `fingerprint` is the hash of rule and labels.

    `suppressed_until` is set by a resolve by hand.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="alerts", db_index=False)
    rule_name = models.CharField(max_length=200)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    fingerprint = models.CharField(max_length=32)
    labels = models.JSONField(default=dict)
    status = models.CharField(max_length=12, choices=Status.choices)
    value = models.FloatField(null=True, blank=True)
    peak_value = models.FloatField(null=True, blank=True)
    threshold = models.FloatField()
    pending_since = models.DateTimeField()
    triggered_at = models.DateTimeField(null=True, blank=True)
    keep_firing_since = models.DateTimeField(null=True, blank=True)
    acknowledged_at = models.DateTimeField(null=True, blank=True)
    acknowledged_by = models.CharField(max_length=320, blank=True, default="")
    assigned_to = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="assigned_alerts",
    )
    resolved_at = models.DateTimeField(null=True, blank=True)
    last_evaluated_at = models.DateTimeField()
    suppressed_until = models.DateTimeField(
        null=True,
        blank=True,
        help_text="No new alert opens before this time, unless the condition was false once.",
    )

    class Meta:
        ordering = ["-pending_since", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "fingerprint"],
                name="alert_open_once",
                condition=Q(status__in=["pending", "firing", "acknowledged"]),
            )
        ]
        indexes = [
            models.Index(fields=["project", "pending_since", "id"], name="alert_project_newest"),
            models.Index(
                fields=["project", "pending_since", "id"],
                name="alert_project_open",
                condition=Q(status__in=["pending", "firing", "acknowledged"]),
            ),
            models.Index(fields=["rule", "pending_since"], name="alert_rule_newest"),
            models.Index(
                fields=["rule"], name="alert_suppressed", condition=Q(suppressed_until__isnull=False)
            ),
            models.Index(fields=["resolved_at"], name="alert_retention", condition=Q(status="resolved")),
        ]

    def __str__(self) -> str:
        return self.rule_name

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES


class TransitionKind(models.TextChoices):
    STATUS = "status", "Status"
    NOTE = "note", "Note"
    ASSIGN = "assign", "Assignment"


class Transition(models.Model):
    """What happened to an alert, when, by whom and why: its history and the source of its messages.

    `actor` is "rule tick", a user name, "link to <recipient>" or "api key <name>".
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="transitions", db_index=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=TransitionKind.choices, default=TransitionKind.STATUS)
    from_status = models.CharField(max_length=12, blank=True, default="")
    to_status = models.CharField(max_length=12, blank=True, default="")
    actor = models.CharField(max_length=320)
    reason = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["alert", "at"], name="transition_timeline")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.actor}"


class Purpose(models.TextChoices):
    FIRING = "firing", "Firing"
    RESOLVED = "resolved", "Resolved"
    TEST = "test", "Test"


class NotificationStatus(models.TextChoices):
    PENDING = "pending", "Pending"
    SENDING = "sending", "Sending"
    SENT = "sent", "Sent"
    FAILED = "failed", "Failed, will be tried again"
    GAVE_UP = "gave_up", "Gave up"


class DeliveryTurn(models.Model):
    """The one row of the deliverer whose turn it is: one pass at a time leaves the other worker to the rule tick."""

    holder = models.UUIDField()
    lease_until = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.holder} until {self.lease_until}"


class Notification(models.Model):
    """One message to one place: a row of the outbox. Rows are the truth, Celery messages only hints.

    `recipient` is empty where the channel says where to; without a channel it is a mail address of the rule.
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
    purpose = models.CharField(max_length=10, choices=Purpose.choices)
    status = models.CharField(
        max_length=10, choices=NotificationStatus.choices, default=NotificationStatus.PENDING
    )
    attempt_count = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    lease_until = models.DateTimeField(null=True, blank=True)
    dedup_key = models.CharField(max_length=400, unique=True)
    created_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)
    latency_ms = models.FloatField(null=True, blank=True)
    error = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(
                fields=["next_attempt_at"],
                name="notification_due",
                condition=Q(status__in=["pending", "sending", "failed"]),
            ),
            models.Index(fields=["project", "created_at", "id"], name="notification_project_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.get_purpose_display()} to {self.channel or self.recipient}"
