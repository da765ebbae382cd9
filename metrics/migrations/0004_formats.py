from __future__ import annotations

from importlib import import_module

from django.db import migrations, models

from storage.operations import ReplaceView, limited_lock_waits

# These views are text, so that what they were made of may change without changing history: see metrics.sql_views.
_INCREMENTS = """
        SELECT point.project_id, point.series_id, point."timestamp",
               point.value, point.count, point.sum, point.min, point.max, point.buckets, point.percentile_50,
                   point.percentile_90, point.percentile_95, point.percentile_99, point.stale, point.temporality,
                   point.start_time, point.histogram, point.received_at
        FROM metric_points AS point
        WHERE (point.temporality = 2 AND point.count IS NOT NULL) IS NOT TRUE
        UNION ALL
        SELECT point.project_id, point.series_id, point."timestamp",
               CASE WHEN earlier.count IS NOT NULL THEN nullif(nullif(coalesce(nullif(CASE WHEN abs(point.sum) >
                   1e280 THEN sign(point.sum) * 'Infinity'::float8 WHEN abs(point.sum) < 1e-280 THEN 0 ELSE
                   point.sum END, 'NaN'), (CASE WHEN abs(point.value) > 1e280 THEN sign(point.value) *
                   'Infinity'::float8 WHEN abs(point.value) < 1e-280 THEN 0 ELSE point.value END) * point.count),
                   'NaN') - earlier.sum, 'NaN') / nullif(point.count - earlier.count, 0)
                   WHEN point.start_time >= point."timestamp" - interval '1:00:00' THEN point.value
                   ELSE NULL END AS value,
               CASE WHEN earlier.count IS NOT NULL THEN point.count - earlier.count
                   WHEN point.start_time >= point."timestamp" - interval '1:00:00' THEN point.count ELSE 0 END AS count,
               CASE WHEN earlier.count IS NOT NULL THEN nullif(nullif(coalesce(nullif(CASE WHEN abs(point.sum) >
                   1e280 THEN sign(point.sum) * 'Infinity'::float8 WHEN abs(point.sum) < 1e-280 THEN 0 ELSE
                   point.sum END, 'NaN'), (CASE WHEN abs(point.value) > 1e280 THEN sign(point.value) *
                   'Infinity'::float8 WHEN abs(point.value) < 1e-280 THEN 0 ELSE point.value END) * point.count),
                   'NaN') - earlier.sum, 'NaN')
                   WHEN point.start_time >= point."timestamp" - interval '1:00:00' THEN point.sum ELSE 0 END AS sum,
               NULL, NULL,
               CASE WHEN earlier.count IS NOT NULL THEN
                   CASE WHEN point.buckets IS NOT NULL THEN (
                       SELECT coalesce(
                           jsonb_object_agg(key, value::bigint - coalesce((earlier.buckets ->> key)::bigint, 0)),
                           jsonb_build_object())
                       FROM jsonb_each_text(point.buckets) AS now
                       WHERE value::bigint > coalesce((earlier.buckets ->> key)::bigint, 0)
                   ) END
                   WHEN point.start_time >= point."timestamp" - interval '1:00:00' THEN point.buckets
                   ELSE CASE WHEN point.buckets IS NOT NULL THEN jsonb_build_object() END END AS buckets,
               point.percentile_50, point.percentile_90, point.percentile_95, point.percentile_99, point.stale,
                   point.temporality, point.start_time, point.histogram, point.received_at
        FROM metric_points AS point
        LEFT JOIN LATERAL (
            SELECT CASE WHEN (point.count < before.count OR point.start_time <> before.start_time) IS TRUE THEN 0
                ELSE before.count END AS count,
                   CASE WHEN (point.count < before.count OR point.start_time <> before.start_time) IS TRUE THEN 0
                       ELSE nullif(coalesce(nullif(CASE WHEN abs(before.sum) > 1e280 THEN sign(before.sum) *
                       'Infinity'::float8 WHEN abs(before.sum) < 1e-280 THEN 0 ELSE before.sum END, 'NaN'), (CASE
                       WHEN abs(before.value) > 1e280 THEN sign(before.value) * 'Infinity'::float8 WHEN
                       abs(before.value) < 1e-280 THEN 0 ELSE before.value END) * before.count), 'NaN') END AS sum,
                   CASE WHEN (point.count < before.count OR point.start_time <> before.start_time) IS TRUE THEN NULL
                       ELSE before.buckets || jsonb_build_object() END AS buckets
            FROM metric_points AS before
            WHERE before.temporality = 2 AND before.count IS NOT NULL AND NOT before.stale
              AND before.series_id = point.series_id AND before."timestamp" < point."timestamp"
              AND before."timestamp" >= point."timestamp" - interval '1:00:00'
            ORDER BY before."timestamp" DESC LIMIT 1
        ) AS earlier ON true
        WHERE point.temporality = 2 AND point.count IS NOT NULL
"""

_MEASURES = "count, sum, min, max, percentile_95, codes, counts"
_OF_A_POINT = """
    coalesce(count, CASE WHEN value <> 'NaN' THEN 1 ELSE 0 END) AS count,
    CASE WHEN abs(coalesce(CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE coalesce(nullif(sum, 'NaN'),
        nullif(CASE WHEN abs(value) > 1e280 THEN sign(value) * 'Infinity'::float8 WHEN abs(value) < 1e-280 THEN
        0 ELSE value END, 'NaN') * count) END, 0)) > 1e280 THEN sign(coalesce(CASE WHEN count IS NULL THEN
        nullif(value, 'NaN') ELSE coalesce(nullif(sum, 'NaN'), nullif(CASE WHEN abs(value) > 1e280 THEN
        sign(value) * 'Infinity'::float8 WHEN abs(value) < 1e-280 THEN 0 ELSE value END, 'NaN') * count) END,
        0)) * 'Infinity'::float8 WHEN abs(coalesce(CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE
        coalesce(nullif(sum, 'NaN'), nullif(CASE WHEN abs(value) > 1e280 THEN sign(value) * 'Infinity'::float8
        WHEN abs(value) < 1e-280 THEN 0 ELSE value END, 'NaN') * count) END, 0)) < 1e-280 THEN 0 ELSE
        coalesce(CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE coalesce(nullif(sum, 'NaN'), nullif(CASE
        WHEN abs(value) > 1e280 THEN sign(value) * 'Infinity'::float8 WHEN abs(value) < 1e-280 THEN 0 ELSE value
        END, 'NaN') * count) END, 0) END AS sum,
    CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE CASE WHEN count > 0 THEN coalesce(nullif(min, 'NaN'),
        '-Infinity'::float8) END END AS min,
    CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE CASE WHEN count > 0 THEN coalesce(nullif(max, 'NaN'),
        'Infinity'::float8) END END AS max,
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
_HOUR = "date_trunc('hour', \"timestamp\", 'UTC')"
_CLOSED = "(SELECT closed_to FROM rollup_watermarks WHERE raw_table = 'metric_points')"
_PARTS = f"""
    SELECT project_id, series_id, bucket AS hour, {_MEASURES}
    FROM point_rollup_hours WHERE (project_id, bucket) NOT IN (SELECT project_id, hour FROM invalid)
    UNION ALL
    SELECT project_id, series_id, {_HOUR}, {_OF_A_POINT}
    FROM metric_point_increments WHERE "timestamp" >= {_CLOSED} AND NOT stale
    UNION ALL
    SELECT project_id, series_id, {_HOUR}, {_OF_A_POINT}
    FROM metric_point_increments
    WHERE "timestamp" >= (SELECT min(hour) FROM invalid) AND "timestamp" < {_CLOSED}
        AND "timestamp" < (SELECT max(hour) + interval '1 hour' FROM invalid)
        AND (project_id, {_HOUR}) IN (SELECT project_id, hour FROM invalid)
        AND NOT stale
"""
_KEYS = "project_id, hour, service_name, metric_name"
_WHOLE = "FILTER (WHERE code IS NULL)"

SERVICE_SUMMARY = f"""
    WITH invalid AS MATERIALIZED (
        SELECT DISTINCT project_id, hour FROM rollup_invalidations WHERE raw_table = 'metric_points'
    )
    SELECT {_KEYS},
           sum(samples) {_WHOLE}::bigint AS sample_count,
           sum(total) {_WHOLE} / nullif(sum(samples) {_WHOLE}, 0)::float8 AS avg_value,
           nullif(min(low), '-Infinity'::float8) AS min_value,
           nullif(max(high), 'Infinity'::float8) AS max_value,
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
    """What other formats know of a point; columns without a default are added at once to tables of any size."""

    dependencies = [("metrics", "0003_rollups")]

    operations = limited_lock_waits(
        migrations.AddField(
            "metricpoint",
            "temporality",
            models.SmallIntegerField(choices=[(1, "Delta"), (2, "Cumulative")], null=True),
        ),
        migrations.AddField(
            "metricpoint",
            "start_time",
            models.DateTimeField(help_text="Since when a cumulative point counts.", null=True),
        ),
        migrations.AddField(
            "metricpoint",
            "histogram",
            models.JSONField(help_text="Buckets or quantiles as they were sent.", null=True),
        ),
        ReplaceView("metric_point_increments", _INCREMENTS),
        ReplaceView(
            "system_metrics_service_summary",
            SERVICE_SUMMARY,
            previous=import_module("metrics.migrations.0003_rollups").SERVICE_SUMMARY,
        ),
    )
