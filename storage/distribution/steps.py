"""Distributing: each table in three steps that can be killed and run again at any point.

1. Rows from before their column existed get its value, a run of pages at a time, each in its own transaction.
2. In one transaction the primary key takes the column, Citus copies the rows to the nodes, and the emptied local
   table gives its disk back. So a table is either plain with its narrow key or distributed with its wide one.
3. What is distributed already is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from storage.distribution.obstacles import has_citus
from storage.distribution.placements import Placement

FILL_PAGES = 2_000
"""Pages of 8 KB filled in one transaction: some 20,000 events, a few hundred milliseconds."""
LOCK_CLASS = 0x7E20

Connection = psycopg.Connection[tuple[Any, ...]]
Say = Callable[[str], object]


class AlreadyRunning(Exception):
    """Another `distribute` works on this database."""


def is_distributed(connection: Connection, table: str) -> bool:
    if not has_citus(connection):
        return False
    query: LiteralString = """
        SELECT count(*) FROM pg_dist_partition WHERE logicalrelid = to_regclass(%s) AND partmethod = 'h'
    """
    return bool(_one(connection, query, table))


def planned_steps(connection: Connection, placements: Iterable[Placement]) -> list[str]:
    """What `distribute` would do now, in words. Reads every row of a table that may have unfilled ones."""
    found: list[str] = []
    for placement in placements:
        table, column = placement.table, placement.column
        if is_distributed(connection, table):
            continue
        if _has_unfilled(connection, placement):
            found.append(f"{table}: fill {column} in rows from before it was kept")
        if not _key_holds(connection, placement):
            found.append(f"{table}: widen the primary key by {column}")
        beside = placement.sharding.beside
        found.append(f"{table}: distribute by {column}" + (f", beside {beside}" if beside else ""))
    return found


def distribute(
    connection: Connection, placements: Iterable[Placement], shard_count: int | None, say: Say
) -> None:
    """Distribute every table that isn't yet. `shard_count` None: what citus.shard_count says.

    Writers of a table wait while it is copied. Raises AlreadyRunning, and psycopg's errors as Citus words them;
    what was done until then stays.
    """
    if not _one(connection, "SELECT pg_try_advisory_lock(%s, 1)", LOCK_CLASS):
        raise AlreadyRunning
    for placement in placements:
        if is_distributed(connection, placement.table):
            say(f"{placement.table}: distributed already")
            continue
        if placement.sharding.filled_by:
            filled = sum(
                _fill(connection, relation, placement) for relation in _relations(connection, placement.table)
            )
            say(f"{placement.table}: {filled:,} rows filled")
        _move(connection, placement, shard_count)
        say(f"{placement.table}: distributed by {placement.column}")


def _fill(connection: Connection, relation: str, placement: Placement) -> int:
    """Give the rows of one relation that lack it their column, page by page; returns how many.

    Reads each page once: a batch by LIMIT would begin at the first page every time.
    """
    statement = sql.SQL(
        "UPDATE {relation} SET {column} = {value} WHERE ctid >= %s::tid AND ctid < %s::tid AND {column} = ''"
    ).format(
        relation=sql.Identifier(relation),
        column=sql.Identifier(placement.column),
        value=_filled_by(placement),
    )
    pages = _one(
        connection, "SELECT pg_relation_size(%s::regclass) / current_setting('block_size')::bigint", relation
    )
    filled = 0
    for first in range(0, pages, FILL_PAGES):
        filled += connection.execute(statement, (f"({first},0)", f"({first + FILL_PAGES},0)")).rowcount
    return filled


def _move(connection: Connection, placement: Placement, shard_count: int | None) -> None:
    table, column = placement.table, placement.column
    with connection.transaction():
        if not _key_holds(connection, placement):
            _widen_key(connection, placement)
        if beside := placement.sharding.beside:
            connection.execute(
                "SELECT create_distributed_table(%s, %s, colocate_with := %s)", (table, column, beside)
            )
        else:
            # Tables that have nothing to do with each other can then be moved between nodes one by one.
            connection.execute(
                "SELECT create_distributed_table(%s, %s, colocate_with := 'none', shard_count := %s)",
                (
                    table,
                    column,
                    shard_count or _one(connection, "SELECT current_setting('citus.shard_count')::int"),
                ),
            )
        connection.execute("SELECT truncate_local_data_after_distributing_table(%s)", (table,))


def _widen_key(connection: Connection, placement: Placement) -> None:
    key = _primary_key(connection, placement.table)
    connection.execute(
        sql.SQL(
            "ALTER TABLE {table} DROP CONSTRAINT {old}, ADD CONSTRAINT {old} PRIMARY KEY ({columns})"
        ).format(
            table=sql.Identifier(placement.table),
            old=sql.Identifier(f"{placement.table}_pkey"),
            columns=sql.SQL(", ").join(map(sql.Identifier, (*key, placement.column))),
        )
    )


def _primary_key(connection: Connection, table: str) -> list[str]:
    """The columns of a table's primary key, in its order."""
    rows = connection.execute(
        """
        SELECT attname FROM pg_index
        CROSS JOIN LATERAL unnest(indkey) WITH ORDINALITY AS part (number, place)
        JOIN pg_attribute ON attrelid = indrelid AND attnum = part.number
        WHERE indrelid = %s::regclass AND indisprimary ORDER BY place
        """,
        (table,),
    )
    return [row[0] for row in rows]


def _key_holds(connection: Connection, placement: Placement) -> bool:
    key = _primary_key(connection, placement.table)
    return not key or placement.column in key


def _has_unfilled(connection: Connection, placement: Placement) -> bool:
    if not placement.sharding.filled_by:
        return False
    query = sql.SQL("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = '')").format(
        table=sql.Identifier(placement.table), column=sql.Identifier(placement.column)
    )
    row = connection.execute(query).fetchone()
    return bool(row and row[0])


def _filled_by(placement: Placement) -> sql.SQL:
    # The text comes from our own registry, never from outside.
    return sql.SQL(placement.sharding.filled_by)


def _relations(connection: Connection, table: str) -> list[str]:
    """The partitions of a table, or the table itself where it has none."""
    rows = connection.execute(
        "SELECT relid::regclass::text FROM pg_partition_tree(%s::regclass) WHERE isleaf ORDER BY 1", (table,)
    ).fetchall()
    return [row[0] for row in rows] or [table]


def _one(connection: Connection, query: LiteralString, *parameters: object) -> Any:
    row = connection.execute(query, parameters).fetchone()
    assert row
    return row[0]
