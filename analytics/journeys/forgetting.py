"""Deletes what nobody asks for any more: all of journeys that are gone, and progress by matchers of former times."""

from __future__ import annotations

import time

from django.db import connection
from django.db.backends.utils import CursorWrapper

BATCH = 10_000

_COLUMNS = {"journey_progress": ("journey_id", "definition"), "journey_completions": ("journey_id",)}
"""By table: what its rows have in common with the state of their journey while they are asked for."""

Place = tuple[int, ...]
"""Values of a table's columns."""


def forget(seconds: float) -> int:
    """Delete in short statements, for about so many seconds; returns how many rows."""
    ends_at = time.monotonic() + seconds
    deleted = 0
    with connection.cursor() as cursor:
        for table in _COLUMNS:
            for place in _places(cursor, table):
                while time.monotonic() < ends_at:
                    count = _delete_some(cursor, table, place)
                    deleted += count
                    if count < BATCH:
                        break
    return deleted


def _places(cursor: CursorWrapper, table: str) -> list[Place]:
    """All that are in a table: one step down the index each, however many people there are."""
    columns = ", ".join(_COLUMNS[table])
    found: list[Place] = []
    last: Place = tuple(0 for _ in _COLUMNS[table])
    while True:
        cursor.execute(
            f"SELECT {columns} FROM {table} WHERE ({columns}) > ({_marks(last)}) ORDER BY {columns} LIMIT 1",
            last,
        )
        row = cursor.fetchone()
        if row is None:
            return found
        last = tuple(row)
        found.append(last)


def _delete_some(cursor: CursorWrapper, table: str, place: Place) -> int:
    is_here = f"({', '.join(_COLUMNS[table])}) = ({_marks(place)})"
    # Asked anew each time: who takes an edit back makes the old matchers those of the journey again.
    cursor.execute(
        f"DELETE FROM {table} WHERE {is_here} AND identifier = ANY(ARRAY("
        f"SELECT identifier FROM {table} WHERE {is_here} LIMIT %s)) "
        f"AND NOT EXISTS (SELECT FROM analytics_journeystate WHERE {is_here})",
        [*place, *place, BATCH, *place],
    )
    return int(cursor.rowcount)


def _marks(place: Place) -> str:
    return ", ".join("%s" for _ in place)
