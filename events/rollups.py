"""Events added up by minute, hour and day, the actors of each day, people's trails and session pieces by hour."""

from __future__ import annotations

from typing import Literal

from events.records import EVENTS
from events.session_pieces import SESSION_PIECES
from events.trails import IDENTIFIERS, TRAILS
from storage.registry import rollup_table
from storage.rollups.merging import merged, raw_stream, rolled_stream
from storage.rollups.registry import Rollup, Tier, register

MINUTE_DIMENSIONS = ("event_type", "event_name")
DIMENSIONS = ("event_type", "event_name", "event_category", "tenant_id")
MEASURES = ("event_count", "error_count")
DURATIONS = (
    "duration_codes",
    "duration_counts",
    "duration_p50_ms",
    "duration_p95_ms",
    "duration_p99_ms",
)

IS_ERROR = "severity IN ('error', 'critical', 'fatal') OR event_type = 'error_event'"
ACTOR = "coalesce(user_id, anonymous_id, session_id)"
"""Whom an event counts for as a distinct user; NULL where nobody is named."""

RAW_ROW = ("1 AS event_count", f"CASE WHEN {IS_ERROR} THEN 1 ELSE 0 END AS error_count")
"""MEASURES of one raw event."""

RAW_MEASURES = ("count(*) AS event_count", f"count(*) FILTER (WHERE {IS_ERROR}) AS error_count")
"""MEASURES of a group of raw events."""


def _insert(table: str, dimensions: tuple[str, ...], stream: str) -> str:
    keys = ("project_id", "bucket", *dimensions)
    return (
        f"INSERT INTO {table} ({', '.join((*keys, *MEASURES, *DURATIONS))}) {merged(stream, keys, MEASURES)}"
    )


def _fill_from_raw(table: str, unit: Literal["minute", "hour"], dimensions: tuple[str, ...]) -> str:
    bucket = f"date_trunc('{unit}', event_timestamp, 'UTC') AS bucket"
    keys = ("project_id", bucket, *dimensions)
    stream = raw_stream(EVENTS.name, keys, RAW_MEASURES, "duration_ms", "{window}")
    return _insert(table, dimensions, stream)


def _fill_from_hours(table: str) -> str:
    keys = ("project_id", "date_trunc('day', bucket, 'UTC') AS bucket", *DIMENSIONS)
    return _insert(table, DIMENSIONS, rolled_stream("event_rollup_hours", keys, MEASURES, "{window}"))


_FILL_ACTORS = f"""
    INSERT INTO event_actors (project_id, bucket, event_name, actor)
    SELECT DISTINCT project_id, date_trunc('day', event_timestamp, 'UTC'), event_name, {ACTOR}
    FROM telemetry_events WHERE {{window}} AND {ACTOR} IS NOT NULL
    ON CONFLICT DO NOTHING"""

EVENT_ROLLUP = register(
    Rollup(
        raw=EVENTS,
        minutes=Tier(
            rollup_table("event_rollup_minutes", "minutes"),
            _fill_from_raw("event_rollup_minutes", "minute", MINUTE_DIMENSIONS),
        ),
        hours=Tier(
            rollup_table("event_rollup_hours", "hours"),
            _fill_from_raw("event_rollup_hours", "hour", DIMENSIONS),
        ),
        days=Tier(rollup_table("event_rollup_days", "days"), _fill_from_hours("event_rollup_days")),
        sets=(Tier(rollup_table("event_actors", "days"), _FILL_ACTORS), IDENTIFIERS),
        more_hours=(TRAILS, SESSION_PIECES),
    )
)
