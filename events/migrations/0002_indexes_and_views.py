from __future__ import annotations

from django.db import migrations

from storage.operations import AddPartitionedIndex, ReplaceView

HOURLY_SUMMARY = """
    SELECT project_id,
           date_trunc('hour', event_timestamp, 'UTC') AS hour,
           event_type, event_name, event_category, tenant_id,
           count(*) AS event_count,
           count(*) FILTER (WHERE severity IN ('error', 'critical', 'fatal') OR event_type = 'error_event')
               AS error_count,
           percentile_cont(0.50) WITHIN GROUP (ORDER BY duration_ms) AS duration_p50_ms,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY duration_ms) AS duration_p95_ms,
           percentile_cont(0.99) WITHIN GROUP (ORDER BY duration_ms) AS duration_p99_ms
    FROM telemetry_events
    GROUP BY 1, 2, 3, 4, 5, 6
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("events", "0001_initial")]

    operations = [
        AddPartitionedIndex("telemetry_events", "telemetry_events_by_id", "(id)"),
        AddPartitionedIndex(
            "telemetry_events", "telemetry_events_by_client_id", "(client_id)", "client_id IS NOT NULL"
        ),
        ReplaceView("telemetry_events_hourly_summary", HOURLY_SUMMARY),
    ]
