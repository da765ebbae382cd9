"""Where messages go."""

from __future__ import annotations

from typing import Any

from django.core.validators import MinValueValidator
from django.db import models

from projects.models import Project


class NotificationChannel(models.Model):
    """A place where messages go. Its configuration is encrypted because it holds secrets.

    `paused_until`: nothing but tests is sent before, as the other side asked or the last attempt failed.
    Messages of `quiet_severities` wait from `quiet_from` to `quiet_until`, times of day in `quiet_timezone`; past
    `max_messages_per_minute` what waits goes out as one message.
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
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    quiet_timezone = models.CharField(max_length=60, default="UTC")
    quiet_severities = models.JSONField(default=list, blank=True)
    max_messages_per_minute = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Past it, what waits goes out as one message. Empty: no limit.",
    )
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
