from __future__ import annotations

from django.db import migrations

from storage.hours_of_day import hour_of_day_sql
from storage.operations import AddPartitionedIndex, RemovePartitionedIndex


class Migration(migrations.Migration):
    """Random ids scattered writes over the whole day's index; see storage/hours_of_day.py."""

    atomic = False
    dependencies = [("traces", "0003_rollups")]

    operations = [
        AddPartitionedIndex(
            "traces", "traces_by_hour_trace_id", f"({hour_of_day_sql('start_time')}, trace_id)"
        ),
        RemovePartitionedIndex("traces", "traces_by_trace_id", "(trace_id)"),
    ]
