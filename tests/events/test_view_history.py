"""The view of events by the hour goes back to what it was, and on again."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

VIEW = "telemetry_events_hourly_summary"


def definition() -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_viewdef(%s::regclass)", [VIEW])
        return str(cursor.fetchone()[0])


@pytest.mark.django_db
def test_late_hours_are_looked_up_and_no_longer_on_the_way_back() -> None:
    executor = MigrationExecutor(connection)
    migration = executor.loader.get_migration("events", "0010_late_hours")
    state = executor.loader.project_state(("events", "0009_session_pieces"))
    new = definition()
    # Once for the hours that are over, twice for the running one.
    assert new.count("OFFSET 0") == 3
    assert "JOIN telemetry_events" not in new
    assert "IS TRUE" in new
    with connection.schema_editor() as editor:
        migration.unapply(state, editor)
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TEMPORARY VIEW before AS {import_module('events.migrations.0004_rollups').HOURLY_SUMMARY}"
        )
        cursor.execute("SELECT pg_get_viewdef('before'::regclass)")
        assert definition() == cursor.fetchone()[0] != new
    with connection.schema_editor() as editor:
        migration.apply(state, editor)
    assert definition() == new
