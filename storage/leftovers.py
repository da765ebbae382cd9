"""Rows of projects that were deleted, in tables without day partitions: nothing else takes them.

A foreign key would cost each insert a look-up, and a distributed table can't have one. Rows in day partitions go with
their day. Every call may be killed, repeated, or run twice at once: it finds what is left.
"""

from __future__ import annotations

import logging
import random
import time
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from storage.connections import connect
from storage.purging import DELETE_ROWS, DELETE_SECONDS, MORE, Removed
from storage.registry import reference_tables
from storage.rollups.removal import projects_in

STATE_TABLES = frozenset({"frozen_days", "rollup_invalidations"})
"""Of roll-ups, with few rows and no index that begins with the project."""

Existing = Callable[[Sequence[int]], Collection[int]]
"""Which of these projects there are, or are still to come. Asked after their rows were found: but where a backup is
being loaded, no row is older than its project."""

Connection = psycopg.Connection[Any]

logger = logging.getLogger(__name__)


def delete(tables: Iterable[str], existing: Existing) -> Removed:
    """Delete from these tables in short statements, for about 20 s."""
    ends_at = time.monotonic() + DELETE_SECONDS
    # In another order each time: where looking alone takes longer, every table has its turn one day.
    waiting = list(tables)
    random.shuffle(waiting)
    count = 0
    with connect() as connection:
        while waiting:
            table = waiting.pop()
            gone = _gone(connection, table, existing)
            while gone and (deleted := _delete_some(connection, table, gone)):
                logger.info("%s rows of deleted projects %s taken out of %s", deleted, gone, table)
                count += deleted
                if time.monotonic() > ends_at:
                    return Removed(count, MORE)
            if waiting and time.monotonic() > ends_at:
                return Removed(count, MORE)
    return Removed(count)


def count(tables: Iterable[str], existing: Existing, limit: int) -> int:
    """How many rows `delete` would find, counted up to the limit."""
    found = 0
    with connect() as connection:
        for table in tables:
            if gone := _gone(connection, table, existing):
                query = sql.SQL(
                    "SELECT count(*) FROM (SELECT 1 FROM {table} WHERE project_id = ANY(%s) LIMIT %s) AS found"
                ).format(table=sql.Identifier(table))
                row = connection.execute(query, (gone, limit - found)).fetchone()
                found += row[0] if row else 0
    return found


def _gone(connection: Connection, table: str, existing: Existing) -> list[int]:
    found = _owners(connection, table)
    there = existing(found)
    return [project_id for project_id in found if project_id not in there]


def _owners(connection: Connection, table: str) -> list[int]:
    """The projects that have rows in the table."""
    if table not in STATE_TABLES:
        return projects_in(connection, table)
    rows = connection.execute(sql.SQL("SELECT DISTINCT project_id FROM {}").format(sql.Identifier(table)))
    return [project_id for (project_id,) in rows]


def _delete_some(connection: Connection, table: str, project_ids: Sequence[int]) -> int:
    # Some tables have no key but a row's place; reference tables may lie on several servers, where places say nothing.
    keys = {one.name: one.columns[0] for one in reference_tables()}
    statement = sql.SQL(
        "DELETE FROM {table} WHERE {key} = ANY(ARRAY(SELECT {key} FROM {table} WHERE project_id = ANY(%s) LIMIT %s))"
    ).format(table=sql.Identifier(table), key=sql.Identifier(keys.get(table, "ctid")))
    return connection.execute(statement, (list(project_ids), DELETE_ROWS)).rowcount
