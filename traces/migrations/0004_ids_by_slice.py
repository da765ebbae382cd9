from __future__ import annotations

from django.db import migrations

from storage.day_slices import day_slice_sql
from storage.operations import AddPartitionedIndex, RemovePartitionedIndex


class Migration(migrations.Migration):
    """Random ids scattered writes over the whole day's index; see storage/day_slices.py."""

    atomic = False
    dependencies = [("traces", "0003_rollups")]

    operations = [
        AddPartitionedIndex(
            "traces", "traces_by_slice_trace_id", f"({day_slice_sql('start_time')}, trace_id)"
        ),
        RemovePartitionedIndex("traces", "traces_by_trace_id", "(trace_id)"),
    ]
