"""Views in migrations are text: they must be what the code makes now, and what they were on the way back."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from metrics.sql_views import VIEWS

SUMMARY = "system_metrics_service_summary"


def definition(view: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_viewdef(%s::regclass)", [view])
        return cursor.fetchone()[0]


def definition_of(query: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TEMPORARY VIEW made_now AS {query}")
        made = definition("made_now")
        cursor.execute("DROP VIEW made_now")
    return made


@pytest.mark.django_db
@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_what_the_code_makes_now_else_a_migration_is_missing(view: str) -> None:
    assert definition(view) == definition_of(VIEWS[view])


CHANGES = [("0003_rollups", "0004_formats"), ("0005_exemplars_and_metadata", "0006_late_hours")]


def migrate_views(*, backwards: bool) -> None:
    executor = MigrationExecutor(connection)
    for before, name in reversed(CHANGES) if backwards else CHANGES:
        migration = executor.loader.get_migration("metrics", name)
        state = executor.loader.project_state(("metrics", before))
        with connection.schema_editor() as editor:
            (migration.unapply if backwards else migration.apply)(state, editor)


@pytest.mark.django_db
def test_going_back_gives_the_view_as_it_was_and_going_on_the_one_of_now() -> None:
    new = definition(SUMMARY)
    migrate_views(backwards=True)
    old = import_module("metrics.migrations.0003_rollups").SERVICE_SUMMARY
    assert definition(SUMMARY) == definition_of(old) != new
    migrate_views(backwards=False)
    assert definition(SUMMARY) == new


@pytest.mark.django_db
@pytest.mark.parametrize("backwards", [False, True])
def test_the_changes_to_points_wait_for_a_reader_only_so_long(
    backwards: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("sqlmigrate", "metrics", "0004", backwards=backwards, no_color=True)
    statements = [line for line in capsys.readouterr().out.splitlines() if not line.startswith("--")]
    assert statements[:2] == ["BEGIN;", "SET LOCAL lock_timeout = '5s';"]
