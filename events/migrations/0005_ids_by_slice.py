from __future__ import annotations

from django.db import migrations

from storage.day_slices import day_slice_sql
from storage.operations import AddPartitionedIndex, RemovePartitionedIndex

_SLICE = day_slice_sql("event_timestamp")


class Migration(migrations.Migration):
    """Random ids scattered writes over the whole day's index; see storage/day_slices.py."""

    atomic = False
    dependencies = [("events", "0004_rollups")]

    operations = [
        AddPartitionedIndex("telemetry_events", "telemetry_events_by_slice_id", f"({_SLICE}, id)"),
        AddPartitionedIndex(
            "telemetry_events",
            "telemetry_events_by_slice_client_id",
            f"({_SLICE}, client_id)",
            "client_id IS NOT NULL",
        ),
        RemovePartitionedIndex("telemetry_events", "telemetry_events_by_id", "(id)"),
        RemovePartitionedIndex(
            "telemetry_events", "telemetry_events_by_client_id", "(client_id)", "client_id IS NOT NULL"
        ),
    ]
