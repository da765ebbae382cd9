"""Rows that others point at by a computed id (metric series): inserted with the first row that needs them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
from psycopg import sql

from storage.copying import columns_sql
from storage.known import Known
from storage.records import References, Row, Write
from storage.registry import ReferenceTable

_known: Known[tuple[str, int], Any] = Known(limit=200_000)
"""(table, id) -> fingerprint of rows that this process has seen committed."""


def forget_known() -> None:
    """Drop what this process knows; deleting reference rows elsewhere makes it wrong."""
    _known.forget()


def is_stored(table: ReferenceTable, key: int, fingerprint: Any) -> bool:
    """Whether this process has seen just this row committed, so that nothing has to be done for it."""
    known = _known.get((table.name, key))
    # UUIDs compare slowly, and mostly it is the very same one.
    return known is fingerprint or known == fingerprint


def unseen(references: References) -> list[Row]:
    """Those rows that this process hasn't seen committed."""
    name = references.table.name
    return [row for key, row in references.rows.items() if (name, key) not in _known]


def remember(writes: Iterable[Write]) -> None:
    """Note what was stored; call only after the transaction of these writes has committed."""
    for write in writes:
        if write.committed:
            write.committed()
        if write.references and write.references.rows:
            table, collided = write.references.table, write.references.collided
            position = table.columns.index(table.fingerprint)
            rows = write.references.rows.items()
            _known.remember({(table.name, key): row[position] for key, row in rows if key not in collided})


def insert_references(cursor: psycopg.Cursor[Any], writes: Sequence[Write]) -> set[int]:
    """Insert the referenced rows that this process has not seen; returns ids whose stored fingerprint differs."""
    collided: set[int] = set()
    missing: dict[ReferenceTable, dict[int, Row]] = {}
    for write in writes:
        if not write.references:
            continue
        table = write.references.table
        position = table.columns.index(table.fingerprint)
        for key, row in write.references.rows.items():
            known = _known.get((table.name, key))
            if known is None:
                first = missing.setdefault(table, {}).setdefault(key, row)
                known = first[position]
            if known != row[position]:
                collided.add(key)
    for table, rows in missing.items():
        collided |= _insert(cursor, table, rows)
    for write in writes:
        if write.references:
            write.references.collided |= collided & write.references.rows.keys()
    return collided


def _insert(cursor: psycopg.Cursor[Any], table: ReferenceTable, rows: dict[int, Row]) -> set[int]:
    names = {"table": sql.Identifier(table.name), "key": sql.Identifier(table.columns[0])}
    values = sql.SQL(", ").join([sql.Placeholder()] * len(table.columns))
    statement = sql.SQL("INSERT INTO {table} ({columns}) VALUES ({values}) ON CONFLICT ({key}) DO NOTHING")
    # Sorted, so that two processes that meet new series at once take their locks in the same order.
    cursor.executemany(
        statement.format(**names, columns=columns_sql(table.columns), values=values),
        [rows[key] for key in sorted(rows)],
    )
    cursor.execute(
        sql.SQL("SELECT {key}, {fingerprint} FROM {table} WHERE {key} = ANY(%s)").format(
            **names, fingerprint=sql.Identifier(table.fingerprint)
        ),
        (list(rows),),
    )
    position = table.columns.index(table.fingerprint)
    return {key for key, fingerprint in cursor.fetchall() if fingerprint != rows[key][position]}
