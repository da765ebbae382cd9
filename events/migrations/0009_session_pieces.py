from __future__ import annotations

from django.db import migrations

# EXTERNAL: hashes don't compress, and trying takes longer than writing them.
_CREATE = """
    CREATE TABLE event_session_pieces (
        project_id bigint NOT NULL,
        bucket timestamptz NOT NULL,
        pieces bytea NOT NULL,
        PRIMARY KEY (project_id, bucket)
    );
    ALTER TABLE event_session_pieces ALTER pieces SET STORAGE EXTERNAL;
"""

# Hours that were rolled up before there were pieces count as invalid until the worker has made theirs: readers take raw
# rows meanwhile. Only where those are all there; a recomputation would lose what is left of a frozen day.
_INVALIDATE = """
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
    """Who was there when, packed by the hour (see events.session_pieces)."""

    dependencies = [("events", "0008_trails"), ("storage", "0002_rollup_state")]

    operations = [
        migrations.RunSQL(_CREATE, "DROP TABLE event_session_pieces;"),
        migrations.RunSQL(_INVALIDATE, migrations.RunSQL.noop),
    ]
