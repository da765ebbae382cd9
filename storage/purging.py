"""Removing what has expired: whole partitions by DROP, rows of single projects by short deletes.

Raw rows that are added up elsewhere go only when their roll-ups are complete, and freeze their day (see
`storage.rollups.removal`). Every call may be killed, repeated, or run twice at once: it finds what is left.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from storage import partitions
from storage.connections import connect
from storage.partitions import Partition, start_of
from storage.registry import Table
from storage.rollups import removal
from storage.rollups.registry import raw_of, rollup_of

LOCK_SECONDS = 0.2
"""How long one attempt may hold up writers and readers while it waits for those that run."""
AUTOVACUUM_SECONDS = 3.0
ATTEMPTS = 25
DELETE_SLICE = timedelta(minutes=5)
"""One statement deletes rows of so much time: 35,000 of a project with 10 M rows a day."""
DELETE_ROWS = 10_000
"""At most so many at once from tables without partitions, where a million rows may have the same time."""
DELETE_SECONDS = 20.0
"""After this a call leaves the rest to the next one, so that a worker's child is free for other work."""

DAY = timedelta(days=1)
HELD = "kept for now: readers or writers held it"
RAW_IS_KEPT = "kept for now: the raw rows it was made from are still there"
NOT_ROLLED_UP = "kept for now: its roll-ups are not complete yet"
MORE = "more at the next run"

Connection = psycopg.Connection[Any]

_DELETE = "DELETE FROM {table} WHERE {rows}"
# In partitions and on several servers places say nothing. The condition stands there twice, because who is updated
# meanwhile must stay: PostgreSQL before the minor releases of autumn 2025 doesn't look at a place again.
_DELETE_SOME = (
    "DELETE FROM {table} "
    "WHERE ctid = ANY(ARRAY(SELECT ctid FROM {table} WHERE {rows} LIMIT {limit})) AND {rows}"
)


@dataclass(frozen=True, slots=True)
class Expired:
    """Rows of one table with `start <= time < end`, of some projects; `start` None: from the beginning."""

    table: Table
    start: datetime | None
    end: datetime
    project_ids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Removed:
    """What a call removed, and in words why something was left; empty when nothing was."""

    count: int
    left: str = ""


def drop(table: Table, partition: Partition) -> Removed:
    """Drop one partition (count 1), which frees its disk at once.

    DROP needs a lock on the parent. Waiting for it would block ingest behind us, so each attempt gives up after 200 ms.
    """
    name = sql.Identifier(partition.name)
    if (raw := raw_of(table.name)) and partition.day in partitions.days_of(raw):
        return Removed(0, RAW_IS_KEPT)

    def attempt(connection: Connection) -> int:
        # Keeps autovacuum out, and readers and writers in: the server ends an autovacuum that somebody waits for, but
        # only after a second, which is longer than DROP may wait.
        connection.execute(f"SET LOCAL lock_timeout = {round(1000 * AUTOVACUUM_SECONDS)}")
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE UPDATE EXCLUSIVE MODE").format(name))
        if rollup_of(table.name):
            # Once before the pause: it leaves the pages it needs in memory, and entries of deleted rows marked.
            removal.projects_in(connection, partition.name)
        began = time.monotonic()
        if rollup_of(table.name):
            removal.pause_ingest(connection)
            if ids := removal.projects_in(connection, partition.name):
                removal.freeze(connection, table.name, partition.day, ids, start_of(partition.day) + DAY)
        left_ms = 1000 * (LOCK_SECONDS - (time.monotonic() - began))
        connection.execute(f"SET LOCAL lock_timeout = {max(round(left_ms), 1)}")
        # Waiting is bounded above; the drop itself has to end, also where it goes to the shards of many servers.
        connection.execute("SET LOCAL statement_timeout = 0")
        connection.execute(sql.SQL("DROP TABLE {}").format(name))
        return 1

    with connect(direct=True) as connection:
        try:
            return _repeatedly(connection, attempt)
        except psycopg.errors.UndefinedTable:
            # Another purge was faster.
            return Removed(0)
        finally:
            partitions.forget_known()


def delete(expired: Expired) -> Removed:
    """Delete expired rows of each project, the oldest first, for about 20 s."""
    ends_at = time.monotonic() + DELETE_SECONDS
    count, left = 0, ""
    with connect() as connection:
        raw = raw_of(expired.table.name)
        rolled_up_to = removal.rolled_up_to(connection, expired.table.name)
        if rolled_up_to and rolled_up_to < expired.end:
            expired, left = replace(expired, end=rolled_up_to), NOT_ROLLED_UP
        for project_id in expired.project_ids:
            removed = _delete_of(
                connection, _without_kept(connection, expired, raw, project_id), project_id, ends_at
            )
            count += removed.count
            left = removed.left or left
            if time.monotonic() > ends_at:
                return Removed(count, MORE)
    return Removed(count, left)


def _without_kept(connection: Connection, expired: Expired, raw: Table | None, project_id: int) -> Expired:
    """Of added-up rows only those whose raw rows are gone: a recomputation must find all hours of its day."""
    if raw is None:
        return expired
    everything = Expired(raw, None, expired.end, [project_id])
    oldest = _oldest(connection, everything, project_id, None)
    return replace(expired, end=min(expired.end, start_of(oldest.date()))) if oldest else expired


def _delete_of(connection: Connection, expired: Expired, project_id: int, ends_at: float) -> Removed:
    """Rows of one project, day by day: what can't go yet keeps only its own day."""
    count, left = 0, ""
    start = expired.start
    while oldest := _oldest(connection, expired, project_id, start):
        day_end = min(start_of(oldest.date()) + DAY, expired.end)
        day = replace(expired, start=oldest, end=day_end, project_ids=[project_id])
        first = _freeze(connection, day) if rollup_of(expired.table.name) else Removed(0)
        count += first.count
        if first.left:
            left, start = first.left, day_end
        else:
            count += _delete_day(connection, day, ends_at)
        if time.monotonic() > ends_at:
            break
    return Removed(count, left)


def _freeze(connection: Connection, day: Expired) -> Removed:
    """Freeze the day and delete its first rows in one transaction: it is frozen only if rows are really gone."""
    assert day.start is not None
    frozen = day.start.date()
    first = replace(day, end=day.start + timedelta(microseconds=1))

    def attempt(connection: Connection) -> int:
        removal.pause_ingest(connection)
        removal.freeze(connection, day.table.name, frozen, day.project_ids, day.end)
        return connection.execute(_statement(_DELETE, first)).rowcount

    return _repeatedly(connection, attempt)


def _delete_day(connection: Connection, day: Expired, ends_at: float) -> int:
    count = 0
    (project_id,) = day.project_ids
    while oldest := _oldest(connection, day, project_id, day.start):
        part = replace(day, start=oldest, end=min(oldest + DELETE_SLICE, day.end))
        count += _delete_slice(connection, part, ends_at)
        if time.monotonic() > ends_at:
            break
    return count


def _delete_slice(connection: Connection, part: Expired, ends_at: float) -> int:
    if part.table.partitioned:
        return connection.execute(_statement(_DELETE, part)).rowcount
    some = _statement(_DELETE_SOME, part, limit=sql.Literal(DELETE_ROWS))
    count = 0
    while deleted := connection.execute(some).rowcount:
        count += deleted
        if deleted < DELETE_ROWS or time.monotonic() > ends_at:
            break
    return count


def count(expired: Expired, limit: int) -> int:
    """How many rows `delete` would find, counted up to the limit."""
    query = "SELECT count(*) FROM (SELECT 1 FROM {table} WHERE {rows} LIMIT {limit}) AS found"
    with connect() as connection:
        row = connection.execute(_statement(query, expired, limit=sql.Literal(limit))).fetchone()
    return int(row[0]) if row else 0


def _repeatedly(connection: Connection, attempt: Callable[[Connection], int]) -> Removed:
    """Try until the locks are free; `attempt` returns how much it removed."""
    for number in range(ATTEMPTS):
        try:
            with connection.transaction():
                return Removed(attempt(connection))
        except removal.NotRolledUp:
            return Removed(0, NOT_ROLLED_UP)
        except (psycopg.errors.LockNotAvailable, psycopg.errors.QueryCanceled):
            time.sleep(min(0.05 * 2**number, 1.0))
    return Removed(0, HELD)


def _oldest(
    connection: Connection, expired: Expired, project_id: int, start: datetime | None
) -> datetime | None:
    """One step down the index of each partition that may hold it."""
    rows = replace(expired, start=start, project_ids=[project_id])
    row = connection.execute(_statement("SELECT min({column}) FROM {table} WHERE {rows}", rows)).fetchone()
    return row[0].astimezone(UTC) if row and row[0] else None


def _statement(text: str, expired: Expired, **more: sql.Composable) -> sql.Composed:
    # Literals, not parameters: the planner leaves out the partitions that can't hold rows.
    column = sql.Identifier(expired.table.time_column)
    conditions = [
        _whose(expired.project_ids),
        sql.SQL("{} < {}").format(column, sql.Literal(expired.end)),
    ]
    if expired.start is not None:
        conditions.append(sql.SQL("{} >= {}").format(column, sql.Literal(expired.start)))
    return sql.SQL(text).format(
        table=sql.Identifier(expired.table.name),
        column=column,
        rows=sql.SQL(" AND ").join(conditions),
        **more,
    )


def _whose(project_ids: Sequence[int]) -> sql.Composed:
    # A lone project as an equation: only then the index gives the oldest row in one step.
    if len(project_ids) == 1:
        return sql.SQL("project_id = {}").format(sql.Literal(project_ids[0]))
    return sql.SQL("project_id = ANY({}::bigint[])").format(sql.Literal(list(project_ids)))
