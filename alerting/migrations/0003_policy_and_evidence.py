from __future__ import annotations

import django.core.validators
import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("alerting", "0002_pauses_coverage_turns"),
        ("projects", "0003_browser_keys"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Attempt",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Pending"),
                            ("sending", "Sending"),
                            ("sent", "Sent"),
                            ("failed", "Failed, will be tried again"),
                            ("gave_up", "Gave up"),
                            ("muted", "Muted"),
                        ],
                        max_length=10,
                    ),
                ),
                ("latency_ms", models.FloatField()),
                ("error", models.TextField(blank=True, default="")),
            ],
            options={
                "ordering": ["at", "id"],
            },
        ),
        migrations.CreateModel(
            name="ChannelThread",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("reference", models.JSONField()),
            ],
        ),
        migrations.CreateModel(
            name="InhibitionRule",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("source_matchers", models.JSONField(default=list)),
                ("target_matchers", models.JSONField(default=list)),
                ("equal_labels", models.JSONField(blank=True, default=list)),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="KnownLabels",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("fingerprint", models.CharField(max_length=32)),
                ("labels", models.JSONField(default=dict)),
                ("first_seen_at", models.DateTimeField()),
                ("last_seen_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="MaintenanceWindow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                ("matchers", models.JSONField(default=list)),
                ("starts_at", models.DateTimeField()),
                (
                    "duration_minutes",
                    models.PositiveIntegerField(
                        default=60, validators=[django.core.validators.MinValueValidator(1)]
                    ),
                ),
                ("recurrence", models.CharField(blank=True, default="", max_length=500)),
                ("time_zone", models.CharField(default="UTC", max_length=60)),
                ("comment", models.TextField(blank=True, default="")),
                ("enabled", models.BooleanField(default=True)),
                (
                    "announced_to",
                    models.DateTimeField(
                        blank=True,
                        editable=False,
                        help_text="Starts and ends up to this moment were announced.",
                        null=True,
                    ),
                ),
            ],
            options={
                "ordering": ["name", "id"],
            },
        ),
        migrations.CreateModel(
            name="NotificationGroup",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.CharField(max_length=32)),
                ("place", models.CharField(max_length=340)),
                ("next_flush_at", models.DateTimeField()),
                ("last_flush_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="NotificationPolicy",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=100)),
                (
                    "position",
                    models.PositiveIntegerField(default=0, help_text="Policies are tried in this order."),
                ),
                ("matchers", models.JSONField(blank=True, default=list)),
                ("group_by", models.JSONField(blank=True, default=list)),
                (
                    "group_wait_seconds",
                    models.PositiveIntegerField(
                        default=30,
                        help_text="How long a new group waits for company before its first message.",
                    ),
                ),
                (
                    "group_interval_seconds",
                    models.PositiveIntegerField(
                        default=300,
                        help_text="How long a group waits after a message before it tells of changes.",
                    ),
                ),
                (
                    "repeat_interval_seconds",
                    models.PositiveIntegerField(
                        default=14400,
                        help_text="How often a firing alert is told again until somebody acts. 0: never.",
                    ),
                ),
                ("enabled", models.BooleanField(default=True)),
            ],
            options={
                "verbose_name_plural": "notification policies",
                "ordering": ["position", "id"],
            },
        ),
        migrations.CreateModel(
            name="MissedSlots",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("count", models.PositiveIntegerField()),
                (
                    "rule",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="alerting.rule",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Pulse",
            fields=[
                ("name", models.CharField(max_length=20, primary_key=True, serialize=False)),
                ("last_at", models.DateTimeField(null=True)),
                ("duration_ms", models.FloatField(null=True)),
                ("detail", models.JSONField(default=dict)),
            ],
        ),
        migrations.CreateModel(
            name="Silence",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("matchers", models.JSONField(default=list)),
                ("starts_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("ends_at", models.DateTimeField()),
                ("author", models.CharField(max_length=320)),
                ("comment", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "ordering": ["-ends_at", "-id"],
            },
        ),
        migrations.RemoveIndex(
            model_name="notification",
            name="notification_due",
        ),
        migrations.AddField(
            model_name="alert",
            name="flapping_since",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="alert",
            name="is_critical",
            field=models.BooleanField(default=False),
        ),
        migrations.AddField(
            model_name="alert",
            name="next_repeat_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="group_key",
            field=models.CharField(blank=True, default="", max_length=32),
        ),
        migrations.AddField(
            model_name="notification",
            name="message_key",
            field=models.CharField(blank=True, default="", max_length=32),
        ),
        migrations.AddField(
            model_name="notification",
            name="muted_by",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="reason",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="notification",
            name="text",
            field=models.TextField(blank=True, default=""),
        ),
        migrations.AddField(
            model_name="notificationchannel",
            name="max_messages_per_minute",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Past it, what waits goes out as one message. Empty: no limit.",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            model_name="notificationchannel",
            name="quiet_from",
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="notificationchannel",
            name="quiet_severities",
            field=models.JSONField(blank=True, default=list),
        ),
        migrations.AddField(
            model_name="notificationchannel",
            name="quiet_timezone",
            field=models.CharField(default="UTC", max_length=60),
        ),
        migrations.AddField(
            model_name="notificationchannel",
            name="quiet_until",
            field=models.TimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="rule",
            name="evaluation_delay_seconds",
            field=models.PositiveIntegerField(
                default=0,
                help_text="Looks at a window that ended so long ago, for data that comes late.",
                validators=[django.core.validators.MaxValueValidator(86400)],
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="flap_detection",
            field=models.BooleanField(
                default=True,
                help_text="An alert that keeps coming and going says so once, then stays until it is calm.",
            ),
        ),
        migrations.AddField(
            model_name="rule",
            name="on_error",
            field=models.CharField(
                choices=[("keep", "Keep the state"), ("alert", "Raise an alert about the rule")],
                default="keep",
                help_text="What happens while the rule itself can't be evaluated.",
                max_length=5,
            ),
        ),
        migrations.AddField(
            model_name="transition",
            name="evidence",
            field=models.JSONField(blank=True, null=True),
        ),
        migrations.AlterField(
            model_name="notification",
            name="purpose",
            field=models.CharField(
                choices=[
                    ("firing", "Firing"),
                    ("resolved", "Resolved"),
                    ("test", "Test"),
                    ("repeat", "Reminder"),
                    ("raised", "Raised to critical"),
                    ("update", "Update"),
                    ("maintenance", "Maintenance"),
                ],
                max_length=12,
            ),
        ),
        migrations.AlterField(
            model_name="notification",
            name="status",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("sending", "Sending"),
                    ("sent", "Sent"),
                    ("failed", "Failed, will be tried again"),
                    ("gave_up", "Gave up"),
                    ("muted", "Muted"),
                ],
                default="pending",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="transition",
            name="kind",
            field=models.CharField(
                choices=[
                    ("status", "Status"),
                    ("note", "Note"),
                    ("assign", "Assignment"),
                    ("severity", "Severity"),
                ],
                default="status",
                max_length=10,
            ),
        ),
        migrations.AddIndex(
            model_name="alert",
            index=models.Index(
                condition=models.Q(("next_repeat_at__isnull", False)),
                fields=["next_repeat_at"],
                name="alert_repeat",
            ),
        ),
        migrations.AddField(
            model_name="attempt",
            name="notification",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="attempts",
                to="alerting.notification",
            ),
        ),
        migrations.AddField(
            model_name="channelthread",
            name="alert",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="threads",
                to="alerting.alert",
            ),
        ),
        migrations.AddField(
            model_name="channelthread",
            name="channel",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="alerting.notificationchannel",
            ),
        ),
        migrations.AddField(
            model_name="inhibitionrule",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="inhibition_rules",
                to="projects.project",
            ),
        ),
        migrations.AddField(
            model_name="knownlabels",
            name="rule",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="known_labels",
                to="alerting.rule",
            ),
        ),
        migrations.AddField(
            model_name="maintenancewindow",
            name="channels",
            field=models.ManyToManyField(
                blank=True,
                help_text="Told when a window starts and when it ends.",
                related_name="maintenance_windows",
                to="alerting.notificationchannel",
            ),
        ),
        migrations.AddField(
            model_name="maintenancewindow",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="maintenance_windows",
                to="projects.project",
            ),
        ),
        migrations.AddField(
            model_name="notificationgroup",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="projects.project",
            ),
        ),
        migrations.AddField(
            model_name="notificationpolicy",
            name="channels",
            field=models.ManyToManyField(
                blank=True, related_name="policies", to="alerting.notificationchannel"
            ),
        ),
        migrations.AddField(
            model_name="notificationpolicy",
            name="project",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="notification_policies",
                to="projects.project",
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="policy",
            field=models.ForeignKey(
                blank=True,
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="alerting.notificationpolicy",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("sent_at__isnull", False)),
                fields=["channel", "sent_at"],
                name="notification_sent",
            ),
        ),
        migrations.AddIndex(
            model_name="notification",
            index=models.Index(
                condition=models.Q(("status__in", ["pending", "sending", "failed", "muted"])),
                fields=["next_attempt_at"],
                name="notification_due",
            ),
        ),
        migrations.AddField(
            model_name="silence",
            name="project",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="silences",
                to="projects.project",
            ),
        ),
        migrations.AddField(
            model_name="silence",
            name="replaces",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.SET_NULL,
                related_name="+",
                to="alerting.silence",
            ),
        ),
        migrations.AddConstraint(
            model_name="channelthread",
            constraint=models.UniqueConstraint(fields=("alert", "channel"), name="channel_thread_once"),
        ),
        migrations.AddConstraint(
            model_name="knownlabels",
            constraint=models.UniqueConstraint(fields=("rule", "fingerprint"), name="known_labels_once"),
        ),
        migrations.AddConstraint(
            model_name="notificationgroup",
            constraint=models.UniqueConstraint(fields=("project", "key", "place"), name="group_once"),
        ),
        migrations.AddConstraint(
            model_name="notificationpolicy",
            constraint=models.UniqueConstraint(
                models.F("project"),
                models.F("name"),
                name="policy_name_unique",
                violation_error_message="This project has a policy of this name.",
            ),
        ),
        migrations.AddIndex(
            model_name="silence",
            index=models.Index(fields=["project", "ends_at"], name="silence_active"),
        ),
        migrations.AlterField(
            model_name="notification",
            name="next_attempt_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddConstraint(
            model_name="missedslots",
            constraint=models.UniqueConstraint(fields=("hour", "rule"), name="missed_slots_once"),
        ),
        migrations.AddIndex(
            model_name="transition",
            index=models.Index(
                condition=models.Q(
                    ("evidence__isnull", False), models.Q(("evidence__has_key", "samples"), _negated=True)
                ),
                fields=["at"],
                name="transition_unsampled",
            ),
        ),
        migrations.AlterField(
            model_name="rule",
            name="source_type",
            field=models.CharField(
                choices=[
                    ("telemetry_event", "Events"),
                    ("system_metric", "Metrics"),
                    ("business_metric", "Business metrics"),
                    ("trace", "Traces"),
                    ("rule", "Other rules"),
                ],
                max_length=20,
            ),
        ),
    ]
