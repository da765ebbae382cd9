from __future__ import annotations

from django.db import migrations

from storage.hours_of_day import hour_of_day_sql
from storage.operations import AddPartitionedIndex, RemovePartitionedIndex

_HOUR = hour_of_day_sql("event_timestamp")


class Migration(migrations.Migration):
    """Random ids scattered writes over the whole day's index; see storage/hours_of_day.py."""

    atomic = False
    dependencies = [("events", "0004_rollups")]

    operations = [
        AddPartitionedIndex("telemetry_events", "telemetry_events_by_hour_id", f"({_HOUR}, id)"),
        AddPartitionedIndex(
            "telemetry_events",
            "telemetry_events_by_hour_client_id",
            f"({_HOUR}, client_id)",
            "client_id IS NOT NULL",
        ),
        RemovePartitionedIndex("telemetry_events", "telemetry_events_by_id", "(id)"),
        RemovePartitionedIndex(
            "telemetry_events", "telemetry_events_by_client_id", "(client_id)", "client_id IS NOT NULL"
        ),
    ]
