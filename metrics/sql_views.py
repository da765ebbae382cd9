"""The SQL views that are made of the same expressions as roll-ups and charts, as the code has them now.

Migrations hold such a view as text, so that history stays what it was: a change here or in what this is made of needs
one that puts the new text (`VIEWS`) in its place. A test compares both.
"""

from __future__ import annotations

from metrics.increments import increments
from metrics.rollups import (
    BUCKETED,
    UNKNOWN_MAX,
    UNKNOWN_MIN,
    percentile_of_buckets_sql,
    raw_columns,
    total_sql,
)

_MEASURES = ("count", "sum", "min", "max", "percentile_95", "codes", "counts")
_CLOSED = "(SELECT closed_to FROM rollup_watermarks WHERE raw_table = 'metric_points')"
_HOUR = "date_trunc('hour', \"timestamp\", 'UTC')"

# Invalid hours by IN, not by a join: Citus runs none over what points add. IN that IS TRUE is always a hash table;
# without, it was a loop over all late hours for each point wherever statistics didn't know them yet.
_PARTS = f"""
    SELECT project_id, series_id, bucket AS hour, {", ".join(_MEASURES)}
    FROM point_rollup_hours WHERE (project_id, bucket) NOT IN (SELECT project_id, hour FROM invalid)
    UNION ALL
    SELECT project_id, series_id, {_HOUR}, {raw_columns(*_MEASURES)}
    FROM metric_point_increments WHERE "timestamp" >= {_CLOSED} AND NOT stale
    UNION ALL
    SELECT project_id, series_id, {_HOUR}, {raw_columns(*_MEASURES)}
    FROM metric_point_increments
    WHERE "timestamp" >= (SELECT min(hour) FROM invalid) AND "timestamp" < {_CLOSED}
        AND "timestamp" < (SELECT max(hour) + interval '1 hour' FROM invalid)
        AND ((project_id, {_HOUR}) IN (SELECT project_id, hour FROM invalid)) IS TRUE
        AND NOT stale
"""
_KEYS = "project_id, hour, service_name, metric_name"
_WHOLE = "FILTER (WHERE code IS NULL)"

_SERVICE_SUMMARY = f"""
    WITH invalid AS MATERIALIZED (
        SELECT DISTINCT project_id, hour FROM rollup_invalidations WHERE raw_table = 'metric_points'
    )
    SELECT {_KEYS},
           sum(samples) {_WHOLE}::bigint AS sample_count,
           sum(total) {_WHOLE} / nullif(sum(samples) {_WHOLE}, 0)::float8 AS avg_value,
           nullif(min(low), {UNKNOWN_MIN}) AS min_value,
           nullif(max(high), {UNKNOWN_MAX}) AS max_value,
           {percentile_of_buckets_sql(0.95, total="weight_of_all")} AS p95_value
    FROM (
        SELECT *,
               sum(weight) OVER (PARTITION BY {_KEYS} ORDER BY code) AS seen,
               sum(weight) OVER (PARTITION BY {_KEYS}) AS weight_of_all
        FROM (
            SELECT bucketed.project_id, hour, service_name, name AS metric_name, code,
                   sum(weight) AS weight,
                   {total_sql("count")} AS samples,
                   sum(sum) AS total,
                   min(min) AS low,
                   max(max) AS high,
                   max(percentile_95) AS given
            FROM (
                SELECT project_id, series_id, hour, count, sum, min, max, percentile_95, {BUCKETED}
                FROM ({_PARTS}) AS part
            ) AS bucketed
            JOIN metric_series AS series ON series.id = bucketed.series_id
            GROUP BY 1, 2, 3, 4, 5
        ) AS merged
    ) AS ranked
    GROUP BY {_KEYS}
"""

VIEWS = {"metric_point_increments": increments(), "system_metrics_service_summary": _SERVICE_SUMMARY}
"""Name -> query."""
