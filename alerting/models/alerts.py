"""Episodes of rules, and every change of one."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q

from alerting.models.rules import Rule, Severity
from projects.models import Project


class Status(models.TextChoices):
    PENDING = "pending", "Pending"
    FIRING = "firing", "Firing"
    ACKNOWLEDGED = "acknowledged", "Acknowledged"
    RESOLVED = "resolved", "Resolved"


OPEN_STATUSES = (Status.PENDING, Status.FIRING, Status.ACKNOWLEDGED)


class Alert(models.Model):
    """One episode of a rule for one label set. `fingerprint` is the hash of rule and labels.

    `suppressed_until` is set by a resolve by hand. `severity` is the rule's, or critical while `is_critical` says that
    the value is past the rule's critical threshold. `flapping_since` is set from the opening on. `next_repeat_at` is
    when those who were told hear of it again.
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

    is_critical = models.BooleanField(default=False)
    flapping_since = models.DateTimeField(null=True, blank=True)
    next_repeat_at = models.DateTimeField(null=True, blank=True)

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
            models.Index(
                fields=["next_repeat_at"], name="alert_repeat", condition=Q(next_repeat_at__isnull=False)
            ),
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
    SEVERITY = "severity", "Severity"


UNSAMPLED = Q(evidence__isnull=False) & ~Q(evidence__has_key="samples")
"""Changes by the rule tick whose raw records nobody has gathered yet; a few at a time, so the index stays tiny."""


class Transition(models.Model):
    """What happened to an alert, when, by whom and why: its history and the source of its messages.

    `actor` is "rule tick", a user name, "link to <recipient>" or "api key <name>". A change of severity has severities
    in `from_status` and `to_status`. `evidence` is what the rule tick saw: see `alerting.evaluation.evidence`.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+", db_index=False)
    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="transitions", db_index=False)
    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=TransitionKind.choices, default=TransitionKind.STATUS)
    from_status = models.CharField(max_length=12, blank=True, default="")
    to_status = models.CharField(max_length=12, blank=True, default="")
    actor = models.CharField(max_length=320)
    reason = models.TextField(blank=True, default="")
    evidence = models.JSONField(null=True, blank=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [
            models.Index(fields=["alert", "at"], name="transition_timeline"),
            models.Index(fields=["project", "at"], name="transition_project_newest"),
            models.Index(fields=["at"], name="transition_unsampled", condition=UNSAMPLED),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} by {self.actor}"
