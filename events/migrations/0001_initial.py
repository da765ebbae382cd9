from __future__ import annotations

import uuid

import django.db.models.deletion
from django.db import migrations, models

from storage.operations import CreatePartitionedTable


class Migration(migrations.Migration):
    initial = True
    dependencies = [("projects", "0001_initial")]

    operations = [
        CreatePartitionedTable(
            "Event",
            [
                ("id", models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
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
                ("event_timestamp", models.DateTimeField()),
                (
                    "client_id",
                    models.TextField(
                        help_text="The id as the client wrote it, where it was no UUID.", null=True
                    ),
                ),
                ("received_at", models.DateTimeField()),
                ("event_type", models.TextField()),
                ("event_name", models.TextField()),
                ("event_category", models.TextField()),
                ("severity", models.TextField(null=True)),
                ("user_id", models.TextField(null=True)),
                ("anonymous_id", models.TextField(null=True)),
                ("tenant_id", models.TextField(null=True)),
                ("session_id", models.TextField(null=True)),
                ("source", models.TextField(null=True)),
                ("source_ip", models.GenericIPAddressField(null=True)),
                ("user_agent", models.TextField(null=True)),
                ("duration_ms", models.FloatField(null=True)),
                ("trace_id", models.TextField(null=True)),
                ("span_id", models.TextField(null=True)),
                ("tags", models.JSONField()),
                ("event_data", models.JSONField()),
            ],
            key=("project_id", "event_timestamp", "id"),
            time_column="event_timestamp",
            options={"db_table": "telemetry_events"},
        ),
    ]
