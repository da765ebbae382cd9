"""Day partitions: made ahead and on demand (dropped in `storage.purging`).

A partition is made with `CREATE TABLE (LIKE parent INCLUDING ALL)` and `ATTACH`, never `PARTITION OF`, which waits for
every open reader and blocks ingest behind it. Both run in one short transaction on a connection of their own, under an
advisory lock, so a crash leaves nothing half-made and two processes never make the same day.

On Citus ATTACH also locks the indexes of all other partitions on all workers, so writers of the table wait for it.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from storage.connections import connect
from storage.distribution.sizes import shard_sizes
from storage.registry import Table

ADVISORY_LOCK_CLASS = 0x7E1E
STORAGE_PARAMETERS = """
    autovacuum_vacuum_insert_scale_factor = 0.05, autovacuum_vacuum_insert_threshold = 10000,
    autovacuum_freeze_min_age = 0,
    autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 1000
"""
"""For rows that only come and never change. Each run of autovacuum reads what came since the last one and freezes it at
once, so that index-only scans work during the day and a filled day is never read again for freezing."""

MADE_AT_ONCE = 10
"""Days in one transaction. On Citus with a year of days each took 0.9 s alone and 0.36 s among ten, because the locks
are taken once; writers wait until all ten are there."""

_NAME = re.compile(r"_p(\d{8})$")
_Key = tuple[str, str, date]
_known: set[_Key] = set()
_making = threading.Lock()


@dataclass(frozen=True, slots=True)
class Partition:
    """One day of one table; `estimated_rows` comes from the server's statistics, nothing is counted."""

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
    wanted = {(database, table.name, day) for day in days}
    if wanted <= _known:
        return
    # One connection in a process: of many requests with a new day the first one makes it, the others find it made.
    with _making:
        if missing := sorted(wanted - _known):
            with connect(direct=True) as connection:
                for first in range(0, len(missing), MADE_AT_ONCE):
                    _make_known(connection, table, missing[first : first + MADE_AT_ONCE])


def ensure_ahead(table: Table, today: date, days_ahead: int) -> None:
    """Yesterday, today and the next days: what is there costs one look-up each."""
    forget_known()
    ensure(table, [today + timedelta(days=offset) for offset in range(-1, days_ahead + 1)])


def _database_name() -> str:
    from django.db import connections

    return str(connections["default"].settings_dict["NAME"])


def _make_known(connection: psycopg.Connection[Any], table: Table, keys: Sequence[_Key]) -> None:
    """Together, or, where that fails, each that can be made. Raises psycopg.Error."""
    try:
        _make(connection, table, [day for _, _, day in keys])
        _known.update(keys)
    except psycopg.Error:
        if len(keys) == 1 or connection.broken:
            raise
        _make_singly(connection, table, keys)


def _make_singly(connection: psycopg.Connection[Any], table: Table, keys: Sequence[_Key]) -> None:
    """One day that can't be made takes no other with it: today may be among them."""
    failures: list[psycopg.Error] = []
    for key in keys:
        try:
            _make_known(connection, table, [key])
        except psycopg.Error as error:
            failures.append(error)
    if failures:
        raise failures[-1]


def _make(connection: psycopg.Connection[Any], table: Table, days: Sequence[date]) -> None:
    with connection.transaction():
        connection.execute(
            "SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (ADVISORY_LOCK_CLASS, table.name)
        )
        for day in days:
            _make_day(connection, table, day)


def _make_day(connection: psycopg.Connection[Any], table: Table, day: date) -> None:
    name = partition_name(table.name, day)
    if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() != (None,):
        return
    names = {"name": sql.Identifier(name), "parent": sql.Identifier(table.name)}
    connection.execute(
        sql.SQL("CREATE TABLE {name} (LIKE {parent} INCLUDING ALL) WITH ({options})").format(
            **names, options=sql.SQL(STORAGE_PARAMETERS)
        )
    )
    bounds = {"low": sql.Literal(start_of(day)), "high": sql.Literal(start_of(day + timedelta(days=1)))}
    connection.execute(
        sql.SQL("ALTER TABLE {parent} ATTACH PARTITION {name} FOR VALUES FROM ({low}) TO ({high})").format(
            **names, **bounds
        )
    )


def forget_known() -> None:
    """Ask the database again: a partition may have been dropped by another process."""
    _known.clear()


def partitions(*tables: Table) -> list[Partition]:
    """All partitions of these tables, oldest first."""
    with connect() as connection:
        return listed(connection, tables)


def days_of(table: Table) -> list[date]:
    """The days that have a partition, oldest first; cheaper than `partitions`, which reads every file's size."""
    query = (
        "SELECT relname FROM pg_inherits JOIN pg_class ON oid = inhrelid WHERE inhparent = to_regclass(%s)"
    )
    with connect() as connection:
        names = [row[0] for row in connection.execute(query, (table.name,))]
    return sorted(date.fromisoformat(match[1]) for name in names if (match := _NAME.search(name)))


def listed(connection: psycopg.Connection[Any], tables: Sequence[Table]) -> list[Partition]:
    """All partitions of these tables with their sizes, oldest first."""
    query = """
        SELECT parent.relname, child.relname, pg_total_relation_size(child.oid),
               CASE WHEN child.reltuples >= 0 THEN child.reltuples::bigint
                    ELSE pg_stat_get_live_tuples(child.oid) END
        FROM pg_inherits
        JOIN pg_class AS parent ON parent.oid = inhparent
        JOIN pg_class AS child ON child.oid = inhrelid
        WHERE parent.relname = ANY(%s) AND pg_table_is_visible(parent.oid)
        ORDER BY right(child.relname, 8)
    """
    found = []
    on_nodes = shard_sizes(connection)
    for table, name, size_bytes, rows in connection.execute(query, ([table.name for table in tables],)):
        # Without a size it was dropped while we looked.
        if size_bytes is not None and (match := _NAME.search(name)):
            day = date.fromisoformat(match[1])
            found.append(Partition(table, name, day, *on_nodes.get(name, (size_bytes, rows))))
    return found
