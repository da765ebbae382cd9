"""Day partitions: made ahead and on demand, dropped when expired.

A partition is made with `CREATE TABLE (LIKE parent INCLUDING ALL)` and `ATTACH`, never `PARTITION OF`, which waits for
every open reader and blocks ingest behind it. Both run in one short transaction on a connection of their own, under an
advisory lock, so a crash leaves nothing half-made and two processes never make the same day.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from storage.connections import connect
from storage.registry import Table

ADVISORY_LOCK_CLASS = 0x7E1E
LOCK_TIMEOUT = "200ms"
DROP_ATTEMPTS = 25
DELETE_BATCH_ROWS = 10_000
MAX_DELETE_BATCHES = 100

_NAME = re.compile(r"_p(\d{8})$")
_known: set[tuple[str, str, date]] = set()


@dataclass(frozen=True, slots=True)
class Partition:
    """One day of one table; `estimated_rows` comes from the planner's statistics (-1: never analysed)."""

    table: str
    name: str
    day: date
    size_bytes: int
    estimated_rows: int


def partition_name(table: str, day: date) -> str:
    return f"{table}_p{day:%Y%m%d}"


def start_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def ensure(table: Table, days: Iterable[date]) -> None:
    """Make the partitions of these days where they are missing; costs a set look-up where this process knows them."""
    database = _database_name()
    missing = [day for day in days if (database, table.name, day) not in _known]
    if not missing:
        return
    with connect(direct=True) as connection:
        for day in sorted(missing):
            _make(connection, table, day)
            _known.add((database, table.name, day))


def ensure_ahead(table: Table, today: date, days_ahead: int) -> None:
    """Yesterday, today and the next days: what is there costs one look-up each."""
    forget_known()
    ensure(table, [today + timedelta(days=offset) for offset in range(-1, days_ahead + 1)])


def _database_name() -> str:
    from django.db import connections

    return str(connections["default"].settings_dict["NAME"])


def _make(connection: psycopg.Connection[Any], table: Table, day: date) -> None:
    name = partition_name(table.name, day)
    with connection.transaction():
        connection.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (ADVISORY_LOCK_CLASS, table.name)
        )
        if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,):
            return
        names = {"name": sql.Identifier(name), "parent": sql.Identifier(table.name)}
        connection.execute(sql.SQL("CREATE TABLE {name} (LIKE {parent} INCLUDING ALL)").format(**names))
        bounds = {"low": sql.Literal(start_of(day)), "high": sql.Literal(start_of(day + timedelta(days=1)))}
        connection.execute(
            sql.SQL(
                "ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})"
            ).format(**names, **bounds)
        )


def forget_known() -> None:
    """Ask the database again: a partition may have been dropped by another process."""
    _known.clear()


def partitions(table: Table) -> list[Partition]:
    """All partitions of a table, oldest first."""
    query = """
        SELECT child.relname, pg_total_relation_size(child.oid), child.reltuples::bigint
        FROM pg_inherits JOIN pg_class child ON child.oid = inhrelid
        WHERE inhparent = to_regclass(%s) ORDER BY child.relname
    """
    with connect() as connection:
        rows = connection.execute(query, (table.name,)).fetchall()
    found = []
    for name, size_bytes, estimated_rows in rows:
        if match := _NAME.search(name):
            day = datetime.strptime(match[1], "%Y%m%d").replace(tzinfo=UTC).date()
            found.append(Partition(table.name, name, day, size_bytes, estimated_rows))
    return found


def drop(partition: Partition) -> bool:
    """Drop one partition; False when readers held it all the while.

    DROP needs a lock on the parent. Waiting for it would block ingest behind us, so each attempt gives up after 200 ms.
    """
    statement = sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(partition.name))
    with connect(direct=True) as connection:
        for attempt in range(DROP_ATTEMPTS):
            try:
                with connection.transaction():
                    connection.execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
                    connection.execute(statement)
                forget_known()
                return True
            except psycopg.errors.LockNotAvailable:
                time.sleep(min(0.05 * 2**attempt, 1.0))
    return False


def delete_older(relation: str, time_column: str, cutoff: datetime, condition: sql.Composable) -> int:
    """Delete rows of one relation older than the cutoff that meet the condition, in batches; returns how many.

    At most 100 batches (a million rows) a call, so that a purge stays short; the next one goes on.
    """
    statement = sql.SQL(
        "DELETE FROM {relation} WHERE ctid = ANY(ARRAY("
        "SELECT ctid FROM {relation} WHERE {time} < {cutoff} AND {condition} LIMIT {batch}))"
    ).format(
        relation=sql.Identifier(relation),
        time=sql.Identifier(time_column),
        cutoff=sql.Literal(cutoff),
        condition=condition,
        batch=sql.Literal(DELETE_BATCH_ROWS),
    )
    deleted = 0
    with connect() as connection:
        for _ in range(MAX_DELETE_BATCHES):
            count = connection.execute(statement).rowcount
            deleted += count
            if count < DELETE_BATCH_ROWS:
                break
    return deleted


def count_older(
    relation: str, time_column: str, cutoff: datetime, condition: sql.Composable, limit: int
) -> int:
    """How many rows `delete_older` would find, counted up to the limit."""
    statement = sql.SQL(
        "SELECT count(*) FROM (SELECT 1 FROM {relation} WHERE {time} < {cutoff} AND {condition} LIMIT {limit}) AS found"
    ).format(
        relation=sql.Identifier(relation),
        time=sql.Identifier(time_column),
        cutoff=sql.Literal(cutoff),
        condition=condition,
        limit=sql.Literal(limit),
    )
    with connect() as connection:
        row = connection.execute(statement).fetchone()
    return int(row[0]) if row else 0
