from __future__ import annotations

from django.db import migrations

# EXTERNAL: numbers of this kind don't compress, and trying takes longer than writing them.
_CREATE = """
    CREATE TABLE event_identifiers (
        project_id bigint NOT NULL,
        identifier text NOT NULL,
        number int NOT NULL,
        seen_before timestamptz NOT NULL,
        PRIMARY KEY (project_id, identifier),
        UNIQUE (project_id, number)
    );
    -- For the purge, which asks for the oldest.
    CREATE INDEX event_identifiers_seen_before ON event_identifiers (project_id, seen_before);
    CREATE TABLE event_trails (
        project_id bigint NOT NULL,
        bucket timestamptz NOT NULL,
        event_name text NOT NULL,
        numbers bytea NOT NULL,
        times bytea NOT NULL,
        ranks bytea NOT NULL,
        PRIMARY KEY (project_id, bucket, event_name)
    );
    ALTER TABLE event_trails
        ALTER numbers SET STORAGE EXTERNAL, ALTER times SET STORAGE EXTERNAL, ALTER ranks SET STORAGE EXTERNAL;
"""

# Hours that were rolled up before there were trails count as invalid until the worker has made theirs: readers take raw
# rows meanwhile. Only where those are all there; a recomputation would lose what is left of a frozen day.
INVALIDATE = """
    INSERT INTO rollup_invalidations (raw_table, project_id, hour)
    SELECT DISTINCT 'telemetry_events', project_id, date_trunc('hour', bucket, 'UTC')
    FROM event_rollup_hours
    WHERE to_regclass('telemetry_events_p' || to_char(bucket AT TIME ZONE 'UTC', 'YYYYMMDD')) IS NOT NULL
      AND NOT EXISTS (
          SELECT FROM frozen_days WHERE raw_table = 'telemetry_events'
          AND frozen_days.project_id = event_rollup_hours.project_id AND day = (bucket AT TIME ZONE 'UTC')::date
      );
"""


class Migration(migrations.Migration):
    """Who did what when, packed by the hour (see events.trails)."""

    dependencies = [("events", "0007_deploys"), ("storage", "0002_rollup_state")]

    operations = [
        migrations.RunSQL(_CREATE, "DROP TABLE event_trails; DROP TABLE event_identifiers;"),
        migrations.RunSQL(INVALIDATE, migrations.RunSQL.noop),
    ]
