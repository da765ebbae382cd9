"""What is watched, and what a rule remembers."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator, URLValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone

from alerting.models.channels import NotificationChannel
from projects.models import Project


class Source(models.TextChoices):
    TELEMETRY_EVENT = "telemetry_event", "Events"
    SYSTEM_METRIC = "system_metric", "Metrics"
    BUSINESS_METRIC = "business_metric", "Business metrics"
    TRACE = "trace", "Traces"
    RULE = "rule", "Other rules"


class Severity(models.TextChoices):
    INFO = "info", "Info"
    WARNING = "warning", "Warning"
    ERROR = "error", "Error"
    CRITICAL = "critical", "Critical"


class NoData(models.TextChoices):
    KEEP = "keep", "Keep the state"
    OK = "ok", "Treat as fine"
    ALERT = "alert", "Treat as wrong"


class OnError(models.TextChoices):
    KEEP = "keep", "Keep the state"
    ALERT = "alert", "Raise an alert about the rule"


class Health(models.TextChoices):
    UNKNOWN = "unknown", "Not evaluated yet"
    OK = "ok", "OK"
    UNHEALTHY = "unhealthy", "Unhealthy"


class Rule(models.Model):
    """What to watch, when it is wrong, who is told. `alerting.rule_types` knows the types.

    `condition_changed_at` is the last edit of the condition, `coverage_changed_at` the last that changed which label
    sets it has.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="rules")
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True, default="")
    runbook_url = models.CharField(
        max_length=500,
        blank=True,
        default="",
        validators=[URLValidator(schemes=["http", "https"])],
        help_text="Where it says what to do when this fires: a link on the alert's page.",
    )
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
    on_error = models.CharField(
        max_length=5,
        choices=OnError.choices,
        default=OnError.KEEP,
        help_text="What happens while the rule itself can't be evaluated.",
    )
    evaluation_delay_seconds = models.PositiveIntegerField(
        default=0,
        validators=[MaxValueValidator(86_400)],
        help_text="Looks at a window that ended so long ago, for data that comes late.",
    )
    flap_detection = models.BooleanField(
        default=True,
        help_text="An alert that keeps coming and going says so once, then stays until it is calm.",
    )
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


class KnownLabels(models.Model):
    """A label set that a rule has seen, for rules about what is new or missing. `fingerprint` is its hash."""

    rule = models.ForeignKey(Rule, on_delete=models.CASCADE, related_name="known_labels", db_index=False)
    fingerprint = models.CharField(max_length=32)
    labels = models.JSONField(default=dict)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["rule", "fingerprint"], name="known_labels_once")]

    def __str__(self) -> str:
        return ", ".join(f"{name}={value}" for name, value in self.labels.items())
