from __future__ import annotations

from importlib import import_module

from django.db import migrations

from metrics.rollups import BUCKETED, percentile_of_buckets_sql, raw_columns, total_sql
from storage.operations import ReplaceView

_COLUMNS = """
    project_id bigint NOT NULL,
    series_id bigint NOT NULL,
    bucket timestamptz NOT NULL,
    point_count bigint NOT NULL,
    count bigint NOT NULL,
    sum double precision NOT NULL,
    min double precision,
    max double precision,
    first_value double precision,
    first_at timestamptz,
    final_value double precision,
    last_value double precision,
    last_at timestamptz,
    increase double precision NOT NULL,
    codes int[],
    counts bigint[],
    percentile_50 double precision,
    percentile_90 double precision,
    percentile_95 double precision,
    percentile_99 double precision
"""


def _table(name: str, partition: str = "") -> str:
    # No unique key: the running hour has a row per step. One index for charts, one for deletion.
    return f"""
        CREATE TABLE {name} ({_COLUMNS}){partition};
        CREATE INDEX {name}_by_series ON {name} (series_id, bucket);
        CREATE INDEX {name}_by_time ON {name} (project_id, bucket);
    """


_CREATE = (
    _table("point_rollup_minutes", " PARTITION BY RANGE (bucket)")
    + _table("point_rollup_hours")
    + _table("point_rollup_days")
    + "INSERT INTO rollup_watermarks VALUES ('metric_points', '2000-01-01 00:00Z', '2000-01-01 00:00Z');"
)
_DROP = (
    "DELETE FROM rollup_watermarks WHERE raw_table = 'metric_points';"
    "DELETE FROM rollup_invalidations WHERE raw_table = 'metric_points';"
    "DELETE FROM frozen_days WHERE raw_table = 'metric_points';"
    "DROP TABLE point_rollup_minutes; DROP TABLE point_rollup_hours; DROP TABLE point_rollup_days;"
)

_MEASURES = ("count", "sum", "min", "max", "percentile_95", "codes", "counts")
_CLOSED = "(SELECT closed_to FROM rollup_watermarks WHERE raw_table = 'metric_points')"
_PARTS = f"""
    SELECT project_id, series_id, bucket AS hour, {", ".join(_MEASURES)}
    FROM point_rollup_hours AS rolled
    WHERE NOT EXISTS (
        SELECT FROM rollup_invalidations AS log
        WHERE log.raw_table = 'metric_points' AND log.project_id = rolled.project_id AND log.hour = rolled.bucket
    )
    UNION ALL
    SELECT project_id, series_id, date_trunc('hour', "timestamp", 'UTC'), {raw_columns(*_MEASURES)}
    FROM metric_points WHERE "timestamp" >= {_CLOSED} AND NOT stale
    UNION ALL
    SELECT point.project_id, series_id, invalid.hour, {raw_columns(*_MEASURES)}
    FROM (SELECT DISTINCT project_id, hour FROM rollup_invalidations WHERE raw_table = 'metric_points') AS invalid
    JOIN metric_points AS point ON point.project_id = invalid.project_id
        AND "timestamp" >= invalid.hour
        AND "timestamp" < least(invalid.hour + interval '1 hour', {_CLOSED})
        AND NOT stale
"""
_KEYS = "project_id, hour, service_name, metric_name"
_WHOLE = "FILTER (WHERE code IS NULL)"

_SERVICE_SUMMARY = f"""
    SELECT {_KEYS},
           sum(samples) {_WHOLE}::bigint AS sample_count,
           sum(total) {_WHOLE} / nullif(sum(samples) {_WHOLE}, 0)::float8 AS avg_value,
           min(low) AS min_value,
           max(high) AS max_value,
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


class Migration(migrations.Migration):
    """Points added up (see metrics.rollups), and the hourly summary of services read from them."""

    dependencies = [("metrics", "0002_indexes_and_views"), ("storage", "0002_rollup_state")]

    operations = [
        migrations.RunSQL(_CREATE, _DROP),
        ReplaceView(
            "system_metrics_service_summary",
            _SERVICE_SUMMARY,
            previous=import_module("metrics.migrations.0002_indexes_and_views").SERVICE_SUMMARY,
        ),
    ]
