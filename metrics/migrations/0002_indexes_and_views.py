from __future__ import annotations

from django.db import migrations

from storage.operations import AddPartitionedIndex, ReplaceView

SYSTEM_METRICS = """
    SELECT point.project_id,
           series.name AS metric_name,
           series.metric_type,
           series.service_name,
           series.host_name,
           series.instance_id,
           point.value AS metric_value,
           series.unit AS metric_unit,
           point.percentile_50,
           point.percentile_90,
           point.percentile_95,
           point.percentile_99,
           point.timestamp AS metric_timestamp,
           series.labels AS tags
    FROM metric_points point
    JOIN metric_series series ON series.id = point.series_id
    WHERE NOT point.stale
"""

# A point is one row of totals; a distribution's buckets follow as rows of (value, weight). The 95th percentile is the
# largest given one, else the nearest rank over weights where there are distributions, else interpolated as usual.
# exp(-693) is next to the smallest double; below it the function refuses.
SERVICE_SUMMARY = """
    SELECT project_id, hour, service_name, metric_name,
           sum(samples)::bigint AS sample_count,
           sum(total) / nullif(sum(samples), 0) AS avg_value,
           min(low) AS min_value,
           max(high) AS max_value,
           coalesce(
               max(given),
               CASE WHEN bool_or(bucketed) THEN min(value) FILTER (WHERE rank >= 0.95 * all_weight)
               ELSE percentile_cont(0.95) WITHIN GROUP (ORDER BY value) END
           ) AS p95_value
    FROM (
        SELECT *,
               sum(weight) OVER (grouped ORDER BY value) AS rank,
               sum(weight) OVER grouped AS all_weight
        FROM (
            SELECT point.project_id,
                   date_trunc('hour', point.timestamp, 'UTC') AS hour,
                   series.service_name,
                   series.name AS metric_name,
                   part.*
            FROM metric_points point
            JOIN metric_series series ON series.id = point.series_id
            CROSS JOIN LATERAL (
                SELECT coalesce(point.count, 1) AS samples,
                       coalesce(point.sum, point.value) AS total,
                       coalesce(point.min, point.value) AS low,
                       coalesce(point.max, point.value) AS high,
                       point.percentile_95 AS given,
                       point.buckets IS NOT NULL AS bucketed,
                       CASE WHEN point.buckets IS NULL THEN point.value END AS value,
                       CASE WHEN point.buckets IS NULL AND point.value IS NOT NULL THEN 1 END::bigint AS weight
                UNION ALL
                SELECT NULL, NULL, NULL, NULL, NULL, true,
                       CASE WHEN bucket.key = 'zero' THEN 0
                            ELSE CASE WHEN bucket.key LIKE 'n%' THEN -1 ELSE 1 END
                                 * exp(greatest(ltrim(bucket.key, 'n')::int, -35000) * ln(1.02::float8))
                                 * (2 * 1.02 / 2.02)
                       END,
                       bucket.value::bigint
                FROM jsonb_each_text(point.buckets) AS bucket
            ) AS part
            WHERE NOT point.stale
        ) AS parts
        WINDOW grouped AS (PARTITION BY project_id, hour, service_name, metric_name)
    ) AS ranked
    GROUP BY 1, 2, 3, 4
"""

CATEGORY_SUMMARY = """
    SELECT project_id,
           (period_end AT TIME ZONE 'UTC')::date AS date,
           metric_category,
           currency,
           count(*) AS metric_count,
           sum(metric_value) AS total_value,
           avg(metric_value) AS avg_value
    FROM business_metrics
    GROUP BY 1, 2, 3, 4
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("metrics", "0001_initial")]

    operations = [
        # For the list of a project's points, newest first: 0.2 ms instead of 93 ms over a day of 2 M points, for a
        # quarter of COPY's speed (129 k rows/s instead of 177 k).
        AddPartitionedIndex("metric_points", "metric_points_newest", "(project_id, timestamp, series_id)"),
        ReplaceView("system_metrics", SYSTEM_METRICS),
        ReplaceView("system_metrics_service_summary", SERVICE_SUMMARY),
        ReplaceView("business_metrics_category_summary", CATEGORY_SUMMARY),
    ]
