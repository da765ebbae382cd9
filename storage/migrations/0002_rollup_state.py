from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    """How far roll-ups have come, which hours wait for recomputation, which days are frozen (see storage.rollups)."""

    dependencies = [("storage", "0001_ingest_memory")]

    operations = [
        migrations.RunSQL(
            """
            CREATE TABLE rollup_watermarks (
                raw_table text PRIMARY KEY,
                closing_to timestamptz NOT NULL,
                closed_to timestamptz NOT NULL
            );
            CREATE TABLE rollup_invalidations (
                raw_table text NOT NULL,
                project_id bigint NOT NULL,
                hour timestamptz NOT NULL,
                logged_at timestamptz NOT NULL DEFAULT now()
            );
            CREATE INDEX rollup_invalidations_by_hour ON rollup_invalidations (raw_table, project_id, hour);
            CREATE TABLE frozen_days (
                raw_table text NOT NULL,
                project_id bigint NOT NULL,
                day date NOT NULL,
                PRIMARY KEY (raw_table, project_id, day)
            );
            """,
            "DROP TABLE rollup_watermarks; DROP TABLE rollup_invalidations; DROP TABLE frozen_days;",
        )
    ]
