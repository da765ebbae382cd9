"""Session pieces out of packed rows, and of raw events where no packed row is valid.

One statement reads both: one snapshot, so exact at any moment. Pieces name ids; who is the same person is applied
afterwards (`of_persons`), so that a new link changes no piece.
"""

from __future__ import annotations

from datetime import UTC, datetime
from operator import itemgetter
from typing import Any, Final

import numpy as np
import psycopg
from django.db import connection

from analytics.sessions.arrays import Pieces, TooMuch
from analytics.sessions.question import Question
from analytics.trails import EPOCH, MICROSECOND, Longs, fetch, whole_times
from events.identities import persons_of
from events.rollups import EVENT_ROLLUP
from events.session_pieces import SESSION_PIECES, packed
from projects.time_limits import limit_to_time_left
from projects.turns import take_turn
from storage.rollups import reading

MAX_PIECES: Final = 10_000_000
"""Put together in memory, some 80 bytes each."""

LARGE: Final = 250_000
"""Pieces. Who asks for more waits for a turn."""

_WORDS: Final = 3
"""Of eight bytes, a piece; the last one are its times."""
_PIECE_BYTES: Final = 8 * _WORDS
_NOBODY = np.int64(1)
"""The bit of `who` that says that only a session was named."""


def read(question: Question) -> Pieces:
    """The pieces of the question's events. In a transaction, and `in_turn`.

    Raises django.db.Error, TooCostly, Busy, and TooMuch for more than MAX_PIECES.
    """
    stored = reading.whole_hours_of(SESSION_PIECES)
    raw = " UNION ALL ".join(
        f"SELECT bucket, pieces FROM ({packed(source.where, source.table)}) AS packed"
        for source in reading.raw_sources(EVENT_ROLLUP)
    )
    statement = f"""WITH {reading.state(EVENT_ROLLUP, whole_hours=True, cut_hours=True)}
        SELECT bucket, pieces, sum(octet_length(pieces)) OVER ()
        FROM (SELECT bucket, pieces FROM {stored.table} WHERE {stored.where} UNION ALL {raw}) AS piece"""
    parameters = {
        "project_id": question.project_id,
        "start": question.start or datetime.min.replace(tzinfo=UTC),
        "end": question.end or datetime.max.replace(tzinfo=UTC),
    }
    rows = _fetched(statement, parameters)
    rows.sort(key=itemgetter(0), reverse=True)
    return _unpacked(rows)


def _fetched(statement: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    """All rows, the last column of which says how many bytes they have together; that is known before they come.

    How long a packed row is stands beside it, so that the sum reads none; only raw events are read in vain.
    """
    limit_to_time_left()
    with (
        connection.wrap_database_errors,
        psycopg.ServerCursor(connection.connection, "session_pieces") as cursor,
    ):
        rows = cursor.execute(statement.encode(), parameters, binary=True).fetchmany(1)
        piece_count = int(rows[0][2]) // _PIECE_BYTES if rows else 0
        if piece_count > MAX_PIECES:
            raise TooMuch
        if piece_count > LARGE:
            take_turn()
            limit_to_time_left()
        return [*rows, *cursor.fetchall()]


def _unpacked(rows: list[tuple[Any, ...]]) -> Pieces:
    """The pieces of rows, the newest first, which are given up one by one: all at once take twice the memory."""
    who, session, first_us, last_us = np.empty(
        (4, sum(len(row[1]) for row in rows) // _PIECE_BYTES), np.int64
    )
    end = 0
    # Row by row, so that what is computed on the way stays small: a third of the time that all at once take.
    while rows:
        bucket, packed_pieces, _ = rows.pop()
        # Bytes are turned around for all columns at once: one by one, the times as four bytes, takes far longer.
        words = np.frombuffer(packed_pieces, ">i8").astype(np.int64).reshape(-1, _WORDS)
        here = slice(end, end := end + len(words))
        bucket_us = (bucket - EPOCH) // MICROSECOND
        who[here], session[here], times = words.T
        first_us[here], last_us[here] = whole_times(times >> 32, bucket_us), whole_times(times, bucket_us)
    return Pieces(who, session, first_us, last_us)


def of_persons(project_id: int, who: Longs) -> Longs:
    """Whose each piece is: one number for all ids of a person. Raises django.db.Error."""
    unit = who & ~_NOBODY
    ((others, persons),) = fetch(
        f"""SELECT string_agg(int8send(hashtextextended(identifier, 0) & -2), ''::bytea),
                   string_agg(int8send(hashtextextended(person, 0) & -2), ''::bytea)
            FROM ({persons_of("%(project_id)s")}) AS linked WHERE identifier <> person""",
        {"project_id": project_id},
    )
    if not others:
        return unit
    other, person = (np.frombuffer(packed_ids, ">i8").astype(np.int64) for packed_ids in (others, persons))
    order = np.argsort(other)
    other, person = other[order], person[order]
    place = np.searchsorted(other, unit)
    place[place == len(other)] = 0
    # A session of nobody is nobody's, whatever else has its name.
    is_linked = (other[place] == unit) & (who & _NOBODY == 0)
    return np.where(is_linked, person[place], unit)
