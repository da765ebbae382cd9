"""How far each roll-up has come, and the wait that keeps its watermark behind every running ingest transaction."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from storage.connections import connect
from storage.rollups.gate import INGEST_LOCK, LOCK_CLASS

POLL_SECONDS = 0.02
WAIT_SECONDS = 30.0

Connection = psycopg.Connection[Any]

_HOLDERS = """
    SELECT virtualtransaction FROM pg_locks
    WHERE locktype = 'advisory' AND granted AND classid = %s AND objid = %s AND objsubid = 2
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True, slots=True)
class Watermark:
    """Rows before `closing_to` are late for a writer; roll-ups hold what lies before `closed_to`.

    The two differ while a step is on its way, or after one was killed; the next step ends what it began.
    """

    closing_to: datetime
    closed_to: datetime


@dataclass(frozen=True, slots=True)
class State:
    """What people see of one roll-up: how far it is, and how many hours wait for recomputation."""

    raw_table: str
    closed_to: datetime
    invalid_hours: int


def read(connection: Connection, raw_table: str) -> Watermark:
    row = connection.execute(
        "SELECT closing_to, closed_to FROM rollup_watermarks WHERE raw_table = %s", (raw_table,)
    ).fetchone()
    if row is None:
        raise LookupError(f"no watermark of {raw_table}")
    return Watermark(*(moment.astimezone(UTC) for moment in row))


def publish(connection: Connection, raw_table: str, closing_to: datetime) -> bool:
    """Tell all writers that rows before `closing_to` are late, then wait until no older transaction runs.

    False when one still runs after 30 s; calling again waits again. Blocks no writer: the wait looks at the locks
    that were held at its beginning instead of queueing for them.
    """
    # Never back: another process may have gone further meanwhile.
    connection.execute(
        "UPDATE rollup_watermarks SET closing_to = greatest(closing_to, %s) WHERE raw_table = %s",
        (closing_to, raw_table),
    )
    waiting_for = _running(connection)
    ends_at = time.monotonic() + WAIT_SECONDS
    while waiting_for:
        if time.monotonic() > ends_at:
            return False
        time.sleep(POLL_SECONDS)
        waiting_for &= _running(connection)
    return True


def _running(connection: Connection) -> set[str]:
    return {row[0] for row in connection.execute(_HOLDERS, (LOCK_CLASS, INGEST_LOCK))}


def states() -> list[State]:
    """All roll-ups by name of the raw table, in one query."""
    with connect() as connection:
        rows = connection.execute(
            "SELECT raw_table, closed_to, (SELECT count(DISTINCT (project_id, hour)) FROM rollup_invalidations AS log"
            " WHERE log.raw_table = mark.raw_table) FROM rollup_watermarks AS mark ORDER BY raw_table"
        ).fetchall()
    return [State(*row) for row in rows]
