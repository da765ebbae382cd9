from __future__ import annotations

from typing import Any

import django.db.models.deletion
from django.db import migrations, models

from storage.operations import AddPartitionedIndex, CreatePartitionedTable


def _key(*columns: str) -> models.CompositePrimaryKey:
    return models.CompositePrimaryKey(*columns, blank=True, editable=False, primary_key=True, serialize=False)


def _reference(to: str, name: str) -> models.ForeignKey[Any, Any]:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        related_name=name,
        to=to,
    )


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("metrics", "0004_formats")]

    operations = [
        CreatePartitionedTable(
            "MetricExemplar",
            [
                ("pk", _key("series_id", "timestamp", "trace_id", "span_id", "value")),
                ("project", _reference("projects.project", "+")),
                ("series", _reference("metrics.metricseries", "exemplars")),
                ("timestamp", models.DateTimeField()),
                ("value", models.FloatField()),
                ("trace_id", models.TextField()),
                ("span_id", models.TextField()),
                ("attributes", models.JSONField()),
                ("received_at", models.DateTimeField()),
            ],
            key=("series_id", "timestamp", "trace_id", "span_id", "value"),
            time_column="timestamp",
            options={"db_table": "metric_exemplars"},
        ),
        # For the list of a project's exemplars, newest first, and for those of one trace.
        AddPartitionedIndex(
            "metric_exemplars", "metric_exemplars_newest", "(project_id, timestamp, series_id)"
        ),
        AddPartitionedIndex("metric_exemplars", "metric_exemplars_by_trace", "(trace_id)", "trace_id <> ''"),
        CreatePartitionedTable(
            "MetricMetadata",
            [
                ("pk", _key("project_id", "metric_name")),
                ("project", _reference("projects.project", "+")),
                ("metric_name", models.TextField(verbose_name="name")),
                ("metric_type", models.TextField(verbose_name="type")),
                ("metric_unit", models.TextField(verbose_name="unit")),
                ("description", models.TextField()),
                (
                    "revision",
                    models.IntegerField(db_default=1, help_text="Counts how often other words came in."),
                ),
                ("updated_at", models.DateTimeField()),
            ],
            key=("project_id", "metric_name"),
            time_column=None,
            options={
                "db_table": "metric_metadata",
                "verbose_name": "metric metadata",
                "verbose_name_plural": "metric metadata",
            },
        ),
    ]
