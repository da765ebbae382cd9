from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    """Which sessions go on, and what metrics were told of those that are over; see analytics/sessions/following.py."""

    dependencies = [
        ("analytics", "0004_funnels"),
        ("projects", "0006_session_gap"),
    ]

    operations = [
        migrations.CreateModel(
            name="SessionState",
            fields=[
                (
                    "project",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="projects.project",
                    ),
                ),
                ("followed_to", models.DateTimeField(help_text="Events before it have been looked at.")),
                ("ended_durations", models.JSONField(default=dict)),
                ("unsent_points", models.JSONField(null=True)),
                ("measured_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="OpenSession",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "project_id",
                        "unit",
                        "session_id",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("unit", models.TextField()),
                ("session_id", models.TextField(help_text="'' where times alone put it together.")),
                ("started_at", models.DateTimeField()),
                ("seen_at", models.DateTimeField(help_text="Its last event.")),
                ("is_told", models.BooleanField(default=False)),
                (
                    "project",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="projects.project",
                    ),
                ),
            ],
            options={
                "db_table": "open_sessions",
                "indexes": [
                    models.Index(
                        condition=models.Q(("is_told", False)),
                        fields=["project"],
                        name="open_sessions_untold",
                    )
                ],
            },
        ),
    ]
