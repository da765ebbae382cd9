from __future__ import annotations

from importlib import import_module

from django.db import migrations

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
# As it was made of metrics.rollups then; text, so that changes there don't change history.
_OF_A_POINT = """
    coalesce(count, CASE WHEN value <> 'NaN' THEN 1 ELSE 0 END) AS count,
    CASE WHEN abs(coalesce(CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE coalesce(sum, (CASE WHEN
        abs(value) > 1e280 THEN sign(value) * 'Infinity'::float8 WHEN abs(value) < 1e-280 THEN 0 ELSE value END)
        * count) END, 0)) > 1e280 THEN sign(coalesce(CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE
        coalesce(sum, (CASE WHEN abs(value) > 1e280 THEN sign(value) * 'Infinity'::float8 WHEN abs(value) <
        1e-280 THEN 0 ELSE value END) * count) END, 0)) * 'Infinity'::float8 WHEN abs(coalesce(CASE WHEN count
        IS NULL THEN nullif(value, 'NaN') ELSE coalesce(sum, (CASE WHEN abs(value) > 1e280 THEN sign(value) *
        'Infinity'::float8 WHEN abs(value) < 1e-280 THEN 0 ELSE value END) * count) END, 0)) < 1e-280 THEN 0
        ELSE coalesce(CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE coalesce(sum, (CASE WHEN abs(value)
        > 1e280 THEN sign(value) * 'Infinity'::float8 WHEN abs(value) < 1e-280 THEN 0 ELSE value END) * count)
        END, 0) END AS sum,
    coalesce(min, nullif(value, 'NaN')) AS min,
    coalesce(max, nullif(value, 'NaN')) AS max,
    CASE WHEN buckets IS NULL THEN nullif(percentile_95, 'NaN') END AS percentile_95,
    CASE WHEN buckets IS NOT NULL THEN ARRAY(SELECT CASE WHEN key = 'zero' THEN 0 WHEN left(key, 1) = 'n' THEN
        -substr(key, 2)::int - 40000 ELSE key::int + 40000 END FROM jsonb_each_text(buckets) AS bucket) WHEN
        abs(value) < 'Infinity' AND coalesce(percentile_50, percentile_90, percentile_95, percentile_99) IS NULL
        THEN ARRAY[CASE WHEN value = 0 THEN 0 WHEN value > 0 AND value < 'Infinity' THEN floor(ln(value) /
        ln(1.02::float8))::int + 40000 WHEN value < 0 AND value > '-Infinity' THEN -floor(ln(-value) /
        ln(1.02::float8))::int - 40000 END] END AS codes,
    CASE WHEN buckets IS NOT NULL THEN ARRAY(SELECT bucket.value::bigint FROM jsonb_each_text(buckets) AS
        bucket) WHEN abs(value) < 'Infinity' AND coalesce(percentile_50, percentile_90, percentile_95,
        percentile_99) IS NULL THEN ARRAY[1::bigint] END AS counts
"""
_CLOSED = "(SELECT closed_to FROM rollup_watermarks WHERE raw_table = 'metric_points')"
_PARTS = f"""
    SELECT project_id, series_id, bucket AS hour, {", ".join(_MEASURES)}
    FROM point_rollup_hours AS rolled
    WHERE NOT EXISTS (
        SELECT FROM rollup_invalidations AS log
        WHERE log.raw_table = 'metric_points' AND log.project_id = rolled.project_id AND log.hour = rolled.bucket
    )
    UNION ALL
    SELECT project_id, series_id, date_trunc('hour', "timestamp", 'UTC'), {_OF_A_POINT}
    FROM metric_points WHERE "timestamp" >= {_CLOSED} AND NOT stale
    UNION ALL
    SELECT point.project_id, series_id, invalid.hour, {_OF_A_POINT}
    FROM (SELECT DISTINCT project_id, hour FROM rollup_invalidations WHERE raw_table = 'metric_points') AS invalid
    JOIN metric_points AS point ON point.project_id = invalid.project_id
        AND "timestamp" >= invalid.hour
        AND "timestamp" < least(invalid.hour + interval '1 hour', {_CLOSED})
        AND NOT stale
"""
_KEYS = "project_id, hour, service_name, metric_name"
_WHOLE = "FILTER (WHERE code IS NULL)"

SERVICE_SUMMARY = f"""
    SELECT {_KEYS},
           sum(samples) {_WHOLE}::bigint AS sample_count,
           sum(total) {_WHOLE} / nullif(sum(samples) {_WHOLE}, 0)::float8 AS avg_value,
           min(low) AS min_value,
           max(high) AS max_value,
           greatest(max(given), CASE WHEN count(code) > 0 THEN least(greatest(CASE WHEN min(code) FILTER (WHERE
               seen >= greatest(1, ceil(0.95 * weight_of_all))) = 0 THEN 0 ELSE sign(min(code) FILTER (WHERE
               seen >= greatest(1, ceil(0.95 * weight_of_all)))) * 1.00990099009901 *
               exp(least(greatest(abs(min(code) FILTER (WHERE seen >= greatest(1, ceil(0.95 * weight_of_all))))
               - 40000, -35000), 35800) * ln(1.02::float8)) END, min(low)), max(high)) END) AS p95_value
    FROM (
        SELECT *,
               sum(weight) OVER (PARTITION BY {_KEYS} ORDER BY code) AS seen,
               sum(weight) OVER (PARTITION BY {_KEYS}) AS weight_of_all
        FROM (
            SELECT bucketed.project_id, hour, service_name, name AS metric_name, code,
                   sum(weight) AS weight,
                   least(sum(count), 9223372036854775807)::bigint AS samples,
                   sum(sum) AS total,
                   min(min) AS low,
                   max(max) AS high,
                   max(percentile_95) AS given
            FROM (
                SELECT project_id, series_id, hour, count, sum, min, max, percentile_95,
                    unnest(array_prepend(NULL::int, codes)) AS code,
                    unnest(array_prepend(NULL::bigint, counts)) AS weight
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
            SERVICE_SUMMARY,
            previous=import_module("metrics.migrations.0002_indexes_and_views").SERVICE_SUMMARY,
        ),
    ]
