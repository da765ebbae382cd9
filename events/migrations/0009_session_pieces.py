from __future__ import annotations

from importlib import import_module

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

# As for trails: hours that were rolled up before there were pieces are read from raw rows until the worker made theirs.
_INVALIDATE = import_module("events.migrations.0008_trails").INVALIDATE


class Migration(migrations.Migration):
    """Who was there when, packed by the hour (see events.session_pieces)."""

    dependencies = [("events", "0008_trails"), ("storage", "0002_rollup_state")]

    operations = [
        migrations.RunSQL(_CREATE, "DROP TABLE event_session_pieces;"),
        migrations.RunSQL(_INVALIDATE, migrations.RunSQL.noop),
    ]
