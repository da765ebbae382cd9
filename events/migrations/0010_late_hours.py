from __future__ import annotations

from importlib import import_module

from django.db import migrations

from storage.operations import ReplaceView, limited_lock_waits

_ROLLED_UP = import_module("events.migrations.0004_rollups")
_BEFORE = _ROLLED_UP.HOURLY_SUMMARY

# OFFSET 0 keeps each row's look into the log what it says, one step down an index: as a join it was a loop over the log
# wherever statistics didn't know a project or the log yet.
_HOUR_IS_LATE = "log.project_id = rolled.project_id AND log.hour = rolled.bucket"
# A row's hour is looked up in a hash table: as a join, each row was compared with each late hour wherever statistics
# took the rows or the hours for one. Costs a scan from the first late hour to the last:
# minutes of events on most days, all that there are right after old ones were loaded.
_JOINED = """
    SELECT telemetry_events.project_id, invalid.hour, {raw}
    FROM (SELECT DISTINCT project_id, hour FROM rollup_invalidations WHERE raw_table = 'telemetry_events') AS invalid
    JOIN telemetry_events ON telemetry_events.project_id = invalid.project_id
        AND event_timestamp >= invalid.hour
        AND event_timestamp < least(invalid.hour + interval '1 hour', {closed})
"""
_LOOKED_UP = """
    SELECT project_id, date_trunc('hour', event_timestamp, 'UTC'), {raw}
    FROM telemetry_events
    WHERE event_timestamp >= (SELECT min(hour) FROM rollup_invalidations WHERE raw_table = 'telemetry_events')
        AND event_timestamp < least({closed}, (
            SELECT max(hour) + interval '1 hour' FROM rollup_invalidations WHERE raw_table = 'telemetry_events'
        ))
        AND ((project_id, date_trunc('hour', event_timestamp, 'UTC')) IN (
            SELECT project_id, hour FROM rollup_invalidations WHERE raw_table = 'telemetry_events'
        )) IS TRUE
"""


def _raw_rows_of_late_hours(sql: str) -> str:
    return sql.format(raw=_ROLLED_UP._RAW, closed=_ROLLED_UP._CLOSED)


HOURLY_SUMMARY = _BEFORE.replace(_HOUR_IS_LATE, f"{_HOUR_IS_LATE} OFFSET 0").replace(
    _raw_rows_of_late_hours(_JOINED), _raw_rows_of_late_hours(_LOOKED_UP)
)


class Migration(migrations.Migration):
    """The same view, quick while thousands of late hours wait to be rolled up."""

    dependencies = [("events", "0009_session_pieces")]

    operations = limited_lock_waits(
        ReplaceView("telemetry_events_hourly_summary", HOURLY_SUMMARY, previous=_BEFORE)
    )
