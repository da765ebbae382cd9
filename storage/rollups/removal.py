"""Removing raw rows without losing what was added up of them: a purge freezes a day in the transaction that removes.

with connection.transaction():
    pause_ingest(connection)                               # LockNotAvailable after 200 ms: try again later
    freeze(connection, "telemetry_events", day, ids, end)  # NotRolledUp: roll up first
    ... DROP or DELETE ...
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql

from storage.partitions import start_of
from storage.rollups import watermarks
from storage.rollups.engine import DAY, floor_hour
from storage.rollups.gate import INGEST_LOCK, LOCK_CLASS
from storage.rollups.registry import rollup_of

LOCK_TIMEOUT = "200ms"
PAUSE_TIMEOUT = "500ms"

Connection = psycopg.Connection[Any]


class NotRolledUp(Exception):
    """The day has rows that no roll-up holds yet, or hours that wait for recomputation."""


def pause_ingest(connection: Connection) -> None:
    """Keep ingest transactions out until the caller's transaction ends; those that run are waited for.

    Raises psycopg.errors.LockNotAvailable after 200 ms: a waiting lock holds up all writers behind it.
    """
    connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
    # What is looked up under the pause has to be as short.
    connection.execute(f"SET LOCAL statement_timeout = '{PAUSE_TIMEOUT}'")
    connection.execute("SELECT pg_advisory_xact_lock(%s, %s)", (LOCK_CLASS, INGEST_LOCK))


def rolled_up_to(connection: Connection, raw_table: str) -> datetime | None:
    """Raw rows before this time may be removed; None where the table has no roll-ups and all may."""
    if rollup_of(raw_table) is None:
        return None
    # Whole hours only: the running one is added up again from raw rows when it ends.
    return floor_hour(watermarks.read(connection, raw_table).closed_to)


def freeze(
    connection: Connection, raw_table: str, day: date, project_ids: Sequence[int], before: datetime
) -> None:
    """Freeze a day of some projects, whose raw rows older than `before` the caller now removes. After pause_ingest.

    Raises NotRolledUp.
    """
    closed_to = rolled_up_to(connection, raw_table)
    if closed_to is None:
        return
    waiting = connection.execute(
        "SELECT 1 FROM rollup_invalidations "
        "WHERE raw_table = %s AND project_id = ANY(%s) AND hour >= %s AND hour < %s LIMIT 1",
        (raw_table, list(project_ids), start_of(day), start_of(day) + DAY),
    ).fetchone()
    if waiting or min(before, start_of(day) + DAY) > closed_to:
        raise NotRolledUp
    connection.execute(
        "INSERT INTO frozen_days (raw_table, project_id, day) SELECT %s, project_id, %s "
        "FROM unnest(%s::bigint[]) AS project_id ON CONFLICT DO NOTHING",
        (raw_table, day, list(project_ids)),
    )


def projects_in(connection: Connection, relation: str) -> list[int]:
    """The projects with rows in a raw table or partition: one index probe each, however many rows there are."""
    # A loop instead of a recursive query, which Citus doesn't run over distributed tables: 0.1 ms more a project.
    query = sql.SQL("SELECT min(project_id) FROM {} WHERE project_id > %s").format(sql.Identifier(relation))
    found: list[int] = []
    while (row := connection.execute(query, (found[-1] if found else 0,)).fetchone()) and row[0] is not None:
        found.append(row[0])
    return found
