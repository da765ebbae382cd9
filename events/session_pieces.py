"""Who was there when, packed by the hour: what sessions are put together from instead of raw events.

Whoever comes twice within five minutes was away for no longer than any usual gap. So a piece stands for all events of
one id and one `session_id` in one stretch of five minutes (of Unix time), and sessions made of pieces are those made of
events wherever the gap is not shorter than that. `event_session_pieces` has one row an hour: the pieces one after the
other, by their stretch, each of 24 bytes, highest byte first:

* 8 bytes: a hash of the id that the events name, else of their `session_id`; its lowest bit says which (1: nobody);
* 8 bytes: a hash of the `session_id`, 0 for none;
* 4 bytes each: the time of the first and of the last event, as in `events.trails`.

Hashes need no numbers to be looked up, which is most of what trails cost. Among 10 M ids the odds are 1 to 200,000 that
any two have one hash and count as one. PostgreSQL keeps its hashes over its versions (hash partitions rest on them).

The running hour has no pieces, as in `events.trails`. They live as long as raw events: a session is shown with what its
events say.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from events.records import EVENTS
from events.trails import IDENTIFIER
from storage.registry import Table, register
from storage.rollups.registry import Tier

STRETCH: Final = timedelta(minutes=5)
"""What one piece stands for at most; no gap that is shorter can be told from pieces."""

_STRETCH: Final = f"interval '{STRETCH.total_seconds():.0f} seconds'"

WHOSE: Final = f"coalesce({IDENTIFIER}, nullif(session_id, ''))"
"""The id that an event names, else its session; null for events of nobody without one, which belong to no session."""

UNIT: Final = f"((hashtextextended({WHOSE}, 0) & -2) | ({IDENTIFIER} IS NULL)::int::bigint)"
SESSION: Final = "CASE WHEN session_id <> '' THEN hashtextextended(session_id, 0) ELSE 0 END"
"""What a piece says of its events."""


def packed(where: str, source: str = EVENTS.name) -> str:
    """SQL: `(project_id, bucket, pieces)` of raw events, a row an hour."""
    return f"""
        SELECT project_id, bucket, string_agg(
                   int8send(unit) || int8send(session) || substring(timestamptz_send(first_at) FROM 5)
                       || substring(timestamptz_send(last_at) FROM 5),
                   ''::bytea ORDER BY stretch
               ) AS pieces
        FROM (
            SELECT project_id, date_trunc('hour', stretch, 'UTC') AS bucket, stretch, unit, session,
                   min(event_timestamp) AS first_at, max(event_timestamp) AS last_at
            FROM (
                SELECT project_id, date_bin({_STRETCH}, event_timestamp, 'epoch') AS stretch, {UNIT} AS unit,
                       {SESSION} AS session, event_timestamp
                FROM {source} WHERE {where} AND {WHOSE} IS NOT NULL
            ) AS event GROUP BY project_id, stretch, unit, session
        ) AS piece GROUP BY project_id, bucket"""


_TABLE = register(
    Table(
        name="event_session_pieces",
        columns=(),
        key=(),
        retention="events",
        time_column="bucket",
        partitioned=False,
    )
)

SESSION_PIECES = Tier(
    _TABLE, f"INSERT INTO event_session_pieces (project_id, bucket, pieces) {packed('{window}')}"
)
