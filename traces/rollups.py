"""Spans added up by minute, hour and day: how many, how many failed, how long they took."""

from __future__ import annotations

from typing import Literal

from storage.registry import rollup_table
from storage.rollups.merging import merged, raw_stream, rolled_stream
from storage.rollups.registry import Rollup, Tier, register
from storage.rollups.summing import PERCENTILES
from traces.records import SPANS

DIMENSIONS = ("service_name", "operation_name", "kind")
MEASURES = ("span_count", "error_count", "duration_sum_us")
DISTRIBUTION = ("duration_codes", "duration_counts")

IS_ERROR = "status = 'error'"

LONGEST_MS = 86_400_000
"""A span counts for at most a day in a sum: a broken clock must not make it overflow, which would stop the roll-up."""

DURATION_US = f"round(least(duration_ms, {LONGEST_MS}) * 1000)::bigint"
"""Whole microseconds: a sum of doubles would depend on the order of its rows."""

RAW_ROW = (
    "1 AS span_count",
    f"CASE WHEN {IS_ERROR} THEN 1 ELSE 0 END AS error_count",
    f"{DURATION_US} AS duration_sum_us",
)
"""MEASURES of one raw span."""

RAW_MEASURES = (
    "count(*) AS span_count",
    f"count(*) FILTER (WHERE {IS_ERROR}) AS error_count",
    f"sum({DURATION_US}) AS duration_sum_us",
)
"""MEASURES of a group of raw spans."""


def _insert(table: str, stream: str) -> str:
    keys = ("project_id", "bucket", *DIMENSIONS)
    columns = ", ".join((*keys, *MEASURES, *DISTRIBUTION, *PERCENTILES))
    return f"INSERT INTO {table} ({columns}) {merged(stream, keys, MEASURES)}"


def _fill_from_raw(table: str, unit: Literal["minute", "hour"]) -> str:
    keys = ("project_id", f"date_trunc('{unit}', start_time, 'UTC') AS bucket", *DIMENSIONS)
    return _insert(table, raw_stream(SPANS.name, keys, RAW_MEASURES, "duration_ms", "{window}"))


def _fill_from_hours(table: str) -> str:
    keys = ("project_id", "date_trunc('day', bucket, 'UTC') AS bucket", *DIMENSIONS)
    return _insert(table, rolled_stream("span_rollup_hours", keys, MEASURES, "{window}"))


SPAN_ROLLUP = register(
    Rollup(
        raw=SPANS,
        minutes=Tier(
            rollup_table("span_rollup_minutes", "minutes"), _fill_from_raw("span_rollup_minutes", "minute")
        ),
        hours=Tier(rollup_table("span_rollup_hours", "hours"), _fill_from_raw("span_rollup_hours", "hour")),
        days=Tier(rollup_table("span_rollup_days", "days"), _fill_from_hours("span_rollup_days")),
    )
)
