"""Who hears of what, when, and what keeps quiet."""

from __future__ import annotations

from django.core.validators import MinValueValidator
from django.db import models
from django.utils import timezone

from alerting.models.channels import NotificationChannel
from projects.models import Project


class NotificationPolicy(models.Model):
    """How alerts that match are told: grouped by what, after which wait, repeated when. The first by `position` counts.

    `matchers` and `group_by` are lists of texts; no matchers match every alert. Channels are added to the rule's own.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="notification_policies")
    name = models.CharField(max_length=100)
    position = models.PositiveIntegerField(default=0, help_text="Policies are tried in this order.")
    matchers = models.JSONField(default=list, blank=True)
    group_by = models.JSONField(default=list, blank=True)
    group_wait_seconds = models.PositiveIntegerField(
        default=30, help_text="How long a new group waits for company before its first message."
    )
    group_interval_seconds = models.PositiveIntegerField(
        default=300, help_text="How long a group waits after a message before it tells of changes."
    )
    repeat_interval_seconds = models.PositiveIntegerField(
        default=14_400, help_text="How often a firing alert is told again until somebody acts. 0: never."
    )
    channels = models.ManyToManyField(NotificationChannel, blank=True, related_name="policies")
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["position", "id"]
        verbose_name_plural = "notification policies"
        constraints = [
            models.UniqueConstraint(
                "project",
                "name",
                name="policy_name_unique",
                violation_error_message="This project has a policy of this name.",
            )
        ]

    def __str__(self) -> str:
        return self.name


class InhibitionRule(models.Model):
    """Mutes alerts that match `target_matchers` while one that matches `source_matchers` fires with equal labels."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="inhibition_rules")
    name = models.CharField(max_length=100)
    source_matchers = models.JSONField(default=list)
    target_matchers = models.JSONField(default=list)
    equal_labels = models.JSONField(default=list, blank=True)
    enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class Silence(models.Model):
    """Mutes alerts that match, from start to end. Its state is computed from the time; it is expired, never deleted."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="silences", db_index=False)
    matchers = models.JSONField(default=list)
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField()
    author = models.CharField(max_length=320)
    comment = models.TextField()
    created_at = models.DateTimeField(auto_now_add=True)
    replaces = models.ForeignKey("self", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-ends_at", "-id"]
        indexes = [models.Index(fields=["project", "ends_at"], name="silence_active")]

    def __str__(self) -> str:
        return ", ".join(self.matchers)


class MaintenanceWindow(models.Model):
    """Mutes alerts that match for so many minutes from each moment of a recurrence (RFC 5545's RRULE).

    `starts_at` is the first moment, at its time of day in `time_zone`; an empty `recurrence` happens once.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="maintenance_windows")
    name = models.CharField(max_length=100)
    matchers = models.JSONField(default=list)
    starts_at = models.DateTimeField()
    duration_minutes = models.PositiveIntegerField(default=60, validators=[MinValueValidator(1)])
    recurrence = models.CharField(max_length=500, blank=True, default="")
    time_zone = models.CharField(max_length=60, default="UTC")
    comment = models.TextField(blank=True, default="")
    channels = models.ManyToManyField(
        NotificationChannel,
        blank=True,
        related_name="maintenance_windows",
        help_text="Told when a window starts and when it ends.",
    )
    enabled = models.BooleanField(default=True)
    announced_to = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Starts and ends up to this moment were announced."
    )

    class Meta:
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name
