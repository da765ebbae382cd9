"""Deletes progress that nobody asks for any more: of journeys that are gone, or that had other matchers."""

from __future__ import annotations

import time

from django.db import connection
from django.db.backends.utils import CursorWrapper

BATCH = 10_000

_IS_KEPT = "SELECT FROM analytics_journeystate AS state WHERE state.journey_id = %s AND state.definition = %s"

Place = tuple[int, int]
"""(journey, definition)."""


def forget(seconds: float) -> int:
    """Delete in short statements, for about so many seconds; returns how many rows."""
    ends_at = time.monotonic() + seconds
    deleted = 0
    with connection.cursor() as cursor:
        for place in _places(cursor):
            while time.monotonic() < ends_at:
                count = _delete_some(cursor, place)
                deleted += count
                if count < BATCH:
                    break
    return deleted


def _places(cursor: CursorWrapper) -> list[Place]:
    """All that progress is kept of: one step down the index each, however many people there are."""
    found: list[Place] = []
    last: Place = (0, 0)
    while True:
        cursor.execute(
            "SELECT journey_id, definition FROM journey_progress WHERE (journey_id, definition) > (%s, %s) "
            "ORDER BY journey_id, definition LIMIT 1",
            last,
        )
        row = cursor.fetchone()
        if row is None:
            return found
        last = (row[0], row[1])
        found.append(last)


def _delete_some(cursor: CursorWrapper, place: Place) -> int:
    # Asked anew each time: who takes an edit back makes the old matchers those of the journey again.
    cursor.execute(
        "DELETE FROM journey_progress WHERE journey_id = %s AND definition = %s AND identifier = ANY(ARRAY("
        "SELECT identifier FROM journey_progress WHERE journey_id = %s AND definition = %s LIMIT %s)) "
        f"AND NOT EXISTS ({_IS_KEPT})",
        [*place, *place, BATCH, *place],
    )
    return int(cursor.rowcount)
