"""COPY into a table: straight, around duplicates, or replacing older values."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from storage.copy_text import CopyText, copy_text
from storage.records import RecordError, Row, Slot
from storage.registry import Table

Cursor = psycopg.Cursor[Any]


def columns_sql(columns: Iterable[str], prefix: str = "") -> sql.Composed:
    dot = f"{prefix}." if prefix else ""
    return sql.SQL(", ").join([sql.SQL(dot) + sql.Identifier(column) for column in columns])


@cache
def _copy_sql(table: str, columns: tuple[str, ...]) -> bytes:
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table), columns_sql(columns))
    return statement.as_bytes()


def copy_texts(cursor: Cursor, table: str, columns: tuple[str, ...], texts: Iterable[CopyText]) -> None:
    """COPY rows into a table. Raises UniqueViolation on the first key that exists already."""
    with cursor.copy(_copy_sql(table, columns)) as copy:
        for text in texts:
            for part in text.parts:
                copy.write(part)


def _copy_into_temporary(cursor: Cursor, table: Table, slots: Sequence[Slot]) -> sql.Identifier:
    """A temporary table with the rows, for the rest of this transaction."""
    name = f"incoming_{table.name}"
    cursor.execute(
        sql.SQL("CREATE TEMPORARY TABLE IF NOT EXISTS {} (LIKE {} INCLUDING DEFAULTS) ON COMMIT DROP").format(
            sql.Identifier(name), sql.Identifier(table.name)
        )
    )
    cursor.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(name)))
    copy_texts(cursor, name, table.columns, [copy_text([slot.row for slot in slots])])
    return sql.Identifier(name)


def insert_missing(cursor: Cursor, table: Table, slots: Sequence[Slot]) -> None:
    """Insert rows whose key is new; count the others as duplicates, or as conflicts where `compare` differs.

    Counts what RETURNING names, never the command tag: Citus reports a wrong number there.
    """
    incoming = _copy_into_temporary(cursor, table, slots)
    # No conflict target: the unique key is the narrow one on one machine and the wide one on many.
    cursor.execute(
        sql.SQL(
            "INSERT INTO {table} ({columns}) SELECT {columns} FROM {incoming} "
            "ON CONFLICT DO NOTHING RETURNING {wide_key}"
        ).format(
            table=sql.Identifier(table.name),
            incoming=incoming,
            columns=columns_sql(table.columns),
            wide_key=columns_sql(table.wide_key),
        )
    )
    inserted = {_comparable(row) for row in cursor.fetchall()}
    stored = _stored_values(cursor, table, incoming) if table.compare else {}
    for slot in slots:
        key = _key_of(table, slot.row)
        if key in inserted:
            inserted.remove(key)
            slot.outcome.inserted += 1
        elif key not in stored or _equal(stored[key], _compared(table, slot.row)):
            slot.outcome.duplicates += 1
        else:
            slot.outcome.errors.append(_conflict(table, slot.index))


def _conflict(table: Table, index: int) -> RecordError:
    return RecordError(
        index, table.conflict_field, "conflict", "another value is stored for this series at this time"
    )


def _stored_values(cursor: Cursor, table: Table, incoming: sql.Identifier) -> dict[Row, Row]:
    cursor.execute(
        sql.SQL(
            "SELECT {key}, {compared} FROM {table} WHERE ({key}) IN (SELECT {key} FROM {incoming})"
        ).format(
            key=columns_sql(table.wide_key),
            compared=columns_sql(table.compare),
            table=sql.Identifier(table.name),
            incoming=incoming,
        )
    )
    width = len(table.wide_key)
    return {_comparable(row[:width]): row[width:] for row in cursor.fetchall()}


def _key_of(table: Table, row: Row) -> Row:
    return _comparable(row[position] for position in table.wide_key_positions)


def _comparable(key: Iterable[Any]) -> Row:
    """The same for a key on its way and one from the database: rows may hold a UUID as text."""
    return tuple(str(part) if isinstance(part, UUID) else part for part in key)


def _compared(table: Table, row: Row) -> Row:
    return tuple(row[table.position(column)] for column in table.compare)


def _equal(left: Row, right: Row) -> bool:
    """Equality under which NaN equals NaN."""
    return all(a == b or (_is_nan(a) and _is_nan(b)) for a, b in zip(left, right, strict=True))


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def replace_rows(cursor: Cursor, table: Table, slots: Sequence[Slot]) -> None:
    """Insert rows, replacing older values of the same key and counting up `revision`; equal ones are duplicates.

    One INSERT can't touch a key twice, so the n-th row of each key goes with the n-th wave.
    """
    waves: dict[int, list[Slot]] = defaultdict(list)
    seen: dict[Row, int] = defaultdict(int)
    for slot in slots:
        key = _key_of(table, slot.row)
        waves[seen[key]].append(slot)
        seen[key] += 1
    for wave in waves.values():
        _replace_wave(cursor, table, wave)


def _replace_wave(cursor: Cursor, table: Table, slots: Sequence[Slot]) -> None:
    incoming = _copy_into_temporary(cursor, table, slots)
    changed = [column for column in table.columns if column not in (*table.key, "id")]
    assignments = sql.SQL(", ").join(
        [sql.SQL("{0} = EXCLUDED.{0}").format(sql.Identifier(column)) for column in changed]
    )
    cursor.execute(
        sql.SQL(
            "INSERT INTO {table} AS stored ({columns}) SELECT {columns} FROM {incoming} "
            "ON CONFLICT ({key}) DO UPDATE SET {assignments}, revision = stored.revision + 1 "
            "WHERE ({old}) IS DISTINCT FROM ({new}) RETURNING {returned}"
        ).format(
            table=sql.Identifier(table.name),
            incoming=incoming,
            columns=columns_sql(table.columns),
            key=columns_sql(table.key),
            assignments=assignments,
            old=columns_sql(table.compare, "stored"),
            new=columns_sql(table.compare, "EXCLUDED"),
            returned=columns_sql(table.key, "stored"),
        )
    )
    written = {_comparable(row) for row in cursor.fetchall()}
    for slot in slots:
        if _key_of(table, slot.row) in written:
            slot.outcome.inserted += 1
        else:
            slot.outcome.duplicates += 1
