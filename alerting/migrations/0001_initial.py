from __future__ import annotations

import uuid

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

from storage.operations import ReplaceView


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("projects", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="NotificationChannel",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("kind", models.CharField(max_length=20)),
                ("config_encrypted", models.TextField(editable=False)),
                ("enabled", models.BooleanField(default=True)),
                ("broken_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("broken_reason", models.TextField(blank=True, default="", editable=False)),
                ("last_sent_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_error", models.TextField(blank=True, default="", editable=False)),
                ("last_error_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_latency_ms", models.FloatField(blank=True, editable=False, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notification_channels",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Rule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True, default="")),
                ("rule_type", models.CharField(max_length=40)),
                (
                    "source_type",
                    models.CharField(
                        choices=[
                            ("telemetry_event", "Events"),
                            ("system_metric", "Metrics"),
                            ("business_metric", "Business metrics"),
                            ("trace", "Traces"),
                        ],
                        max_length=20,
                    ),
                ),
                ("condition_config", models.JSONField(default=dict)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("info", "Info"),
                            ("warning", "Warning"),
                            ("error", "Error"),
                            ("critical", "Critical"),
                        ],
                        default="warning",
                        max_length=10,
                    ),
                ),
                ("notification_config", models.JSONField(blank=True, default=dict)),
                (
                    "evaluation_interval_seconds",
                    models.PositiveIntegerField(
                        default=60, validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                (
                    "for_seconds",
                    models.PositiveIntegerField(
                        default=0, help_text="How long the condition must hold before the alert fires."
                    ),
                ),
                (
                    "keep_firing_for_seconds",
                    models.PositiveIntegerField(
                        default=0, help_text="How long an alert keeps firing after its condition has cleared."
                    ),
                ),
                (
                    "recovery_threshold",
                    models.FloatField(
                        blank=True,
                        help_text="A firing alert recovers only when the value is past this one too.",
                        null=True,
                    ),
                ),
                (
                    "no_data",
                    models.CharField(
                        choices=[
                            ("keep", "Keep the state"),
                            ("ok", "Treat as fine"),
                            ("alert", "Treat as wrong"),
                        ],
                        default="keep",
                        max_length=5,
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
                ("deleted_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("condition_changed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "next_evaluation_at",
                    models.DateTimeField(default=django.utils.timezone.now, editable=False),
                ),
                ("last_evaluated_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("last_evaluation_duration_ms", models.FloatField(blank=True, editable=False, null=True)),
                ("missed_evaluation_count", models.PositiveBigIntegerField(default=0, editable=False)),
                (
                    "health",
                    models.CharField(
                        choices=[("unknown", "Not evaluated yet"), ("ok", "OK"), ("unhealthy", "Unhealthy")],
                        default="unknown",
                        editable=False,
                        max_length=10,
                    ),
                ),
                ("last_error", models.TextField(blank=True, default="", editable=False)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("updated_at", models.DateTimeField(auto_now=True)),
                (
                    "channels",
                    models.ManyToManyField(
                        blank=True, related_name="rules", to="alerting.notificationchannel"
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="rules",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="Alert",
            fields=[
                (
                    "id",
                    models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False),
                ),
                ("rule_name", models.CharField(max_length=200)),
                (
                    "severity",
                    models.CharField(
                        choices=[
                            ("info", "Info"),
                            ("warning", "Warning"),
                            ("error", "Error"),
                            ("critical", "Critical"),
                        ],
                        max_length=10,
                    ),
                ),
                ("fingerprint", models.CharField(max_length=32)),
                ("labels", models.JSONField(default=dict)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("firing", "Firing"),
                            ("acknowledged", "Acknowledged"),
                            ("resolved", "Resolved"),
                        ],
                        max_length=12,
                    ),
                ),
                ("value", models.FloatField(blank=True, null=True)),
                ("peak_value", models.FloatField(blank=True, null=True)),
                ("threshold", models.FloatField()),
                ("pending_since", models.DateTimeField()),
                ("triggered_at", models.DateTimeField(blank=True, null=True)),
                ("keep_firing_since", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_at", models.DateTimeField(blank=True, null=True)),
                ("acknowledged_by", models.CharField(blank=True, default="", max_length=320)),
                ("resolved_at", models.DateTimeField(blank=True, null=True)),
                ("last_evaluated_at", models.DateTimeField()),
                (
                    "suppressed_until",
                    models.DateTimeField(
                        blank=True,
                        help_text="No new alert opens before this time, unless the condition was false once.",
                        null=True,
                    ),
                ),
                (
                    "assigned_to",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="assigned_alerts",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="projects.project",
                    ),
                ),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alerts",
                        to="alerting.rule",
                    ),
                ),
            ],
            options={
                "ordering": ["-pending_since", "-id"],
            },
        ),
        migrations.CreateModel(
            name="Transition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "kind",
                    models.CharField(
                        choices=[("status", "Status"), ("note", "Note"), ("assign", "Assignment")],
                        default="status",
                        max_length=10,
                    ),
                ),
                ("from_status", models.CharField(blank=True, default="", max_length=12)),
                ("to_status", models.CharField(blank=True, default="", max_length=12)),
                ("actor", models.CharField(max_length=320)),
                ("reason", models.TextField(blank=True, default="")),
                (
                    "alert",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="transitions",
                        to="alerting.alert",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "ordering": ["at", "id"],
            },
        ),
        migrations.CreateModel(
            name="Notification",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("recipient", models.CharField(blank=True, default="", max_length=320)),
                (
                    "purpose",
                    models.CharField(
                        choices=[
                            ("firing", "Firing"),
                            ("resolved", "Resolved"),
                            ("repeat", "Repeat"),
                            ("test", "Test"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("failed", "Failed, will be tried again"),
                            ("gave_up", "Gave up"),
                        ],
                        default="pending",
                        max_length=10,
                    ),
                ),
                ("attempt_count", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField()),
                ("lease_until", models.DateTimeField(blank=True, null=True)),
                ("dedup_key", models.CharField(max_length=400, unique=True)),
                ("created_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(blank=True, null=True)),
                ("latency_ms", models.FloatField(blank=True, null=True)),
                ("error", models.TextField(blank=True, default="")),
                (
                    "alert",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="alerting.alert",
                    ),
                ),
                (
                    "project",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
                (
                    "channel",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="notifications",
                        to="alerting.notificationchannel",
                    ),
                ),
                (
                    "transition",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notifications",
                        to="alerting.transition",
                    ),
                ),
            ],
            options={
                "ordering": ["-created_at", "-id"],
            },
        ),
        migrations.AddConstraint(
            model_name="notificationchannel",
            constraint=models.UniqueConstraint(
                models.F("project"),
                models.F("name"),
                name="channel_name_unique",
                violation_error_message="This project has a channel of this name.",
            ),
        ),
        migrations.AddIndex(
            model_name="rule",
            index=models.Index(
                condition=models.Q(("deleted_at", None), ("enabled", True)),
                fields=["next_evaluation_at"],
                name="rule_due",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["project", "pending_since", "id"], name="alert_project_newest"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("status__in", ["pending", "firing", "acknowledged"])),
                fields=["project", "pending_since", "id"],
                name="alert_project_open",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(fields=["rule", "pending_since"], name="alert_rule_newest"),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("suppressed_until__isnull", False)),
                fields=["rule"],
                name="alert_suppressed",
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("status", "resolved")), fields=["resolved_at"], name="alert_retention"
            ),
        ),
        migrations.AddConstraint(
            model_name="alert",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["pending", "firing", "acknowledged"])),
                fields=("rule", "fingerprint"),
                name="alert_open_once",
            ),
        ),
        migrations.AddIndex(
            model_name="transition",
            index=models.Index(fields=["alert", "at"], name="transition_timeline"),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("status__in", ["pending", "sending", "failed"])),
                fields=["next_attempt_at"],
                name="notification_due",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(fields=["project", "created_at", "id"], name="notification_project_newest"),
        ),
        ReplaceView(
            "alerts_status_summary",
            """
            SELECT project_id, status, severity, rule_name, triggered_at, acknowledged_at, resolved_at,
                   extract(epoch FROM coalesce(resolved_at, now()) - triggered_at)::float8 AS duration_seconds
            FROM alerting_alert
            """,
        ),
    ]
