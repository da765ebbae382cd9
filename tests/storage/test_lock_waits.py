"""Migrations that change big tables: what reads one for long must not hold up ingest through them."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from django.db import OperationalError, connection
from django.db.migrations import RunSQL
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState

from storage import operations
from storage.connections import connect


def run(change: Sequence[Operation], *, backwards: bool) -> None:
    state = ProjectState()
    with connection.schema_editor() as editor:
        for operation in reversed(change) if backwards else change:
            step = operation.database_backwards if backwards else operation.database_forwards
            step("storage", editor, state, state)


@pytest.mark.django_db
@pytest.mark.parametrize("backwards", [False, True])
def test_a_migration_that_a_reader_holds_up_fails(monkeypatch: pytest.MonkeyPatch, backwards: bool) -> None:
    monkeypatch.setattr(operations, "LOCK_TIMEOUT", "50ms")
    as_alter_table_does = "LOCK TABLE metric_points IN ACCESS EXCLUSIVE MODE"
    limited = operations.limited_lock_waits(RunSQL(as_alter_table_does, as_alter_table_does))
    with connect() as reader, reader.transaction():
        reader.execute("SELECT FROM metric_points LIMIT 0")
        with pytest.raises(OperationalError, match="lock timeout"):
            run(limited, backwards=backwards)
    run(limited, backwards=backwards)
