"""Partitions are made for autovacuum of rows that only come."""

from __future__ import annotations

import threading
from datetime import UTC, datetime

import pytest

from events.records import EVENTS
from storage import partitions
from storage.connections import connect
from storage.registry import partitioned_tables

pytestmark = pytest.mark.django_db


def test_every_new_partition_is_frozen_as_it_fills() -> None:
    day = datetime(2020, 9, 1, tzinfo=UTC).date()
    for table in partitioned_tables():
        partitions.ensure(table, [day])
        with connect() as connection:
            row = connection.execute(
                "SELECT reloptions FROM pg_class WHERE oid = to_regclass(%s)",
                (partitions.partition_name(table.name, day),),
            ).fetchone()
        assert row is not None
        assert "autovacuum_freeze_min_age=0" in row[0]
        assert "autovacuum_vacuum_insert_scale_factor=0.05" in row[0]


def test_many_requests_with_a_new_day_take_one_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []

    def counted(**arguments: bool) -> object:
        opened.append(arguments)
        return connect(**arguments)

    monkeypatch.setattr(partitions, "connect", counted)
    days = [datetime(2020, 9, 2, tzinfo=UTC).date()]
    threads = [threading.Thread(target=partitions.ensure, args=(EVENTS, days)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert len(opened) == 1
