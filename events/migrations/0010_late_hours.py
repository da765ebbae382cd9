from __future__ import annotations

from importlib import import_module

from django.db import migrations

from storage.operations import ReplaceView, limited_lock_waits

_BEFORE = import_module("events.migrations.0004_rollups").HOURLY_SUMMARY

# OFFSET 0 keeps each row's look into the log what it says, one step down an index: as a join it was a loop over the log
# wherever statistics didn't know a project or the log yet.
_HOUR_IS_LATE = "log.project_id = rolled.project_id AND log.hour = rolled.bucket"
# Says the same as the range before it, but can be hashed.
_OF_THE_HOUR = "AND event_timestamp >= invalid.hour"

HOURLY_SUMMARY = _BEFORE.replace(_HOUR_IS_LATE, f"{_HOUR_IS_LATE} OFFSET 0").replace(
    _OF_THE_HOUR, f"{_OF_THE_HOUR} AND date_trunc('hour', event_timestamp, 'UTC') = invalid.hour"
)


class Migration(migrations.Migration):
    """The same view, quick while thousands of late hours wait to be rolled up."""

    dependencies = [("events", "0009_session_pieces")]

    operations = limited_lock_waits(
        ReplaceView("telemetry_events_hourly_summary", HOURLY_SUMMARY, previous=_BEFORE)
    )
