from __future__ import annotations

from importlib import import_module

from django.db import migrations

from storage.log_buckets import code_sql
from storage.operations import ReplaceView
from storage.rollups.merging import merged

_TABLES = ("event_rollup_minutes", "event_rollup_hours", "event_rollup_days")


def _table(name: str, more_dimensions: str, partition: str) -> str:
    # No unique key: the running hour has a row per step, and the index only has to find a project's time range.
    return f"""
        CREATE TABLE {name} (
            project_id bigint NOT NULL,
            bucket timestamptz NOT NULL,
            event_type text NOT NULL,
            event_name text NOT NULL,
            {more_dimensions}
            event_count bigint NOT NULL,
            error_count bigint NOT NULL,
            duration_codes int[],
            duration_counts bigint[],
            duration_p50_ms double precision,
            duration_p95_ms double precision,
            duration_p99_ms double precision
        ){partition};
        CREATE INDEX {name}_by_time ON {name} (project_id, bucket);
    """


_CREATE = (
    _table("event_rollup_minutes", "", " PARTITION BY RANGE (bucket)")
    + _table("event_rollup_hours", "event_category text NOT NULL, tenant_id text,", "")
    + _table("event_rollup_days", "event_category text NOT NULL, tenant_id text,", "")
    + """
        CREATE TABLE event_actors (
            project_id bigint NOT NULL,
            bucket timestamptz NOT NULL,
            event_name text NOT NULL,
            actor text NOT NULL,
            PRIMARY KEY (project_id, bucket, event_name, actor)
        );
        INSERT INTO rollup_watermarks VALUES ('telemetry_events', '2000-01-01 00:00Z', '2000-01-01 00:00Z');
    """
)
_DROP = (
    "DELETE FROM rollup_watermarks WHERE raw_table = 'telemetry_events';"
    "DELETE FROM rollup_invalidations WHERE raw_table = 'telemetry_events';"
    "DELETE FROM frozen_days WHERE raw_table = 'telemetry_events';"
    "DROP TABLE event_rollup_minutes; DROP TABLE event_rollup_hours; DROP TABLE event_rollup_days;"
    "DROP TABLE event_actors;"
)

_KEYS = ("project_id", "hour", "event_type", "event_name", "event_category", "tenant_id")
_LISTED = "event_type, event_name, event_category, tenant_id"
_CLOSED = "(SELECT closed_to FROM rollup_watermarks WHERE raw_table = 'telemetry_events')"
_IS_INVALID = (
    "EXISTS (SELECT FROM rollup_invalidations AS log WHERE log.raw_table = 'telemetry_events' "
    "AND log.project_id = rolled.project_id AND log.hour = rolled.bucket)"
)
_RAW = f"""
    event_type, event_name, event_category, tenant_id, {code_sql("duration_ms")} AS code,
    CASE WHEN duration_ms IS NULL THEN NULL ELSE 1 END AS weight, 1 AS event_count,
    CASE WHEN severity IN ('error', 'critical', 'fatal') OR event_type = 'error_event' THEN 1 ELSE 0 END AS error_count
"""
_PIECES = (
    f"event_rollup_hours AS rolled WHERE bucket >= date_trunc('hour', {_CLOSED}, 'UTC') AND NOT {_IS_INVALID}"
)

# What no whole hour holds: pieces of the running hour, raw rows after the watermark, raw rows of invalid hours.
_RECENT = f"""
    SELECT project_id, bucket AS hour, {_LISTED}, NULL::int AS code, NULL::bigint AS weight, event_count, error_count
    FROM {_PIECES}
    UNION ALL
    SELECT pieces.project_id, pieces.bucket, {_LISTED}, bucketed.code, bucketed.weight, 0, 0
    FROM (SELECT * FROM {_PIECES}) AS pieces
    CROSS JOIN LATERAL unnest(duration_codes, duration_counts) AS bucketed (code, weight)
    UNION ALL
    SELECT project_id, date_trunc('hour', event_timestamp, 'UTC'), {_RAW}
    FROM telemetry_events WHERE event_timestamp >= {_CLOSED}
    UNION ALL
    SELECT telemetry_events.project_id, invalid.hour, {_RAW}
    FROM (SELECT DISTINCT project_id, hour FROM rollup_invalidations WHERE raw_table = 'telemetry_events') AS invalid
    JOIN telemetry_events ON telemetry_events.project_id = invalid.project_id
        AND event_timestamp >= invalid.hour
        AND event_timestamp < least(invalid.hour + interval '1 hour', {_CLOSED})
"""

HOURLY_SUMMARY = f"""
    SELECT project_id, bucket AS hour, {_LISTED}, event_count, error_count,
           duration_p50_ms, duration_p95_ms, duration_p99_ms
    FROM event_rollup_hours AS rolled
    WHERE bucket < date_trunc('hour', {_CLOSED}, 'UTC') AND NOT {_IS_INVALID}
    UNION ALL
    SELECT project_id, hour, {_LISTED}, event_count, error_count, duration_p50_ms, duration_p95_ms, duration_p99_ms
    FROM ({merged(_RECENT, _KEYS, ("event_count", "error_count"))}) AS recent
"""


class Migration(migrations.Migration):
    dependencies = [("events", "0003_actor"), ("storage", "0002_rollup_state")]

    operations = [
        migrations.RunSQL(_CREATE, _DROP),
        ReplaceView(
            "telemetry_events_hourly_summary",
            HOURLY_SUMMARY,
            previous=import_module("events.migrations.0002_indexes_and_views").HOURLY_SUMMARY,
        ),
    ]
