from __future__ import annotations

from django.db import migrations

COLUMNS = """
    project_id bigint NOT NULL,
    bucket timestamptz NOT NULL,
    service_name text NOT NULL,
    operation_name text NOT NULL,
    kind text NOT NULL,
    span_count bigint NOT NULL,
    error_count bigint NOT NULL,
    duration_sum_us bigint NOT NULL,
    duration_codes int[] NOT NULL,
    duration_counts bigint[] NOT NULL,
    duration_p50_ms double precision NOT NULL,
    duration_p95_ms double precision NOT NULL,
    duration_p99_ms double precision NOT NULL
"""


class Migration(migrations.Migration):
    """Spans added up (see traces.rollups). No unique key: the running hour is rolled up in pieces."""

    dependencies = [("traces", "0002_indexes"), ("storage", "0002_rollup_state")]

    operations = [
        migrations.RunSQL(
            f"""
            CREATE TABLE span_rollup_minutes ({COLUMNS}) PARTITION BY RANGE (bucket);
            CREATE TABLE span_rollup_hours ({COLUMNS});
            CREATE TABLE span_rollup_days ({COLUMNS});
            CREATE INDEX span_rollup_minutes_by_time ON span_rollup_minutes (project_id, bucket);
            CREATE INDEX span_rollup_hours_by_time ON span_rollup_hours (project_id, bucket);
            CREATE INDEX span_rollup_days_by_time ON span_rollup_days (project_id, bucket);
            INSERT INTO rollup_watermarks (raw_table, closing_to, closed_to)
            VALUES ('traces', '2000-01-01T00:00:00Z', '2000-01-01T00:00:00Z');
            """,
            """
            DROP TABLE span_rollup_minutes; DROP TABLE span_rollup_hours; DROP TABLE span_rollup_days;
            DELETE FROM rollup_watermarks WHERE raw_table = 'traces';
            DELETE FROM rollup_invalidations WHERE raw_table = 'traces';
            DELETE FROM frozen_days WHERE raw_table = 'traces';
            """,
        )
    ]
