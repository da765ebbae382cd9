"""Deletes progress that nobody asks for any more: of journeys that are gone, or that had other matchers."""

from __future__ import annotations

import time

from django.db import connection

BATCH = 10_000


def forget(seconds: float) -> int:
    """Delete in short statements, for about so many seconds; returns how many rows."""
    ends_at = time.monotonic() + seconds
    deleted = 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT journey_id, definition FROM (SELECT DISTINCT journey_id, definition FROM journey_progress) AS kept "
            "WHERE NOT EXISTS (SELECT FROM analytics_journeystate AS state "
            "WHERE state.journey_id = kept.journey_id AND state.definition = kept.definition)"
        )
        for old in cursor.fetchall():
            while time.monotonic() < ends_at:
                cursor.execute(
                    "DELETE FROM journey_progress WHERE journey_id = %s AND definition = %s AND identifier = ANY(ARRAY("
                    "SELECT identifier FROM journey_progress WHERE journey_id = %s AND definition = %s LIMIT %s))",
                    [*old, *old, BATCH],
                )
                deleted += cursor.rowcount
                if cursor.rowcount < BATCH:
                    break
    return deleted
