from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

from storage.operations import CreatePartitionedTable


class Migration(migrations.Migration):
    initial = True
    dependencies = [("projects", "0001_initial")]

    operations = [
        CreatePartitionedTable(
            "Span",
            [
                ("span_id", models.TextField(primary_key=True, serialize=False, verbose_name="span id")),
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
                ("start_time", models.DateTimeField(verbose_name="start")),
                ("trace_id", models.TextField(verbose_name="trace id")),
                ("parent_span_id", models.TextField(null=True, verbose_name="parent span id")),
                ("service_name", models.TextField(verbose_name="service")),
                ("operation_name", models.TextField(verbose_name="operation")),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("internal", "Internal"),
                            ("server", "Server"),
                            ("client", "Client"),
                            ("producer", "Producer"),
                            ("consumer", "Consumer"),
                        ]
                    ),
                ),
                (
                    "status",
                    models.TextField(choices=[("unset", "Unset"), ("ok", "OK"), ("error", "Error")]),
                ),
                ("duration_ms", models.FloatField(verbose_name="duration")),
                ("http_method", models.TextField(null=True, verbose_name="HTTP method")),
                ("http_url", models.TextField(null=True, verbose_name="HTTP URL")),
                ("http_status_code", models.IntegerField(null=True, verbose_name="HTTP status")),
                ("user_id", models.TextField(null=True, verbose_name="user")),
                ("tags", models.JSONField()),
                ("events", models.JSONField()),
                ("links", models.JSONField()),
                ("received_at", models.DateTimeField()),
            ],
            key=("project_id", "start_time", "trace_id", "span_id"),
            time_column="start_time",
            options={"db_table": "traces"},
        ),
    ]
