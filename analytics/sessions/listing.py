"""A page of the packed road's sessions: which they are, and what their events say, read from raw events alone."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import numpy as np

from analytics.families import families
from analytics.sessions.answers import Session
from analytics.sessions.arrays import Pieces, SessionArrays, TooMuch
from analytics.sessions.details import COLUMNS, DETAILS
from analytics.sessions.question import Question
from analytics.trails import EPOCH, MICROSECOND, Longs, fetch
from events.session_pieces import SESSION, UNIT, WHOSE
from events.trails import IDENTIFIER

MOST_BESIDE: Final = 5_000
"""Sessions that are read beside those of the page, as they began at the same moments as its first and last one."""

_LEAST, _MOST = np.iinfo(np.int64).min, np.iinfo(np.int64).max

# Only the times of the pieces are read, each once, however many sessions lie over each other. MATERIALIZED keeps
# PostgreSQL from joining all events to the pieces first.
_STATEMENT = f"""
    WITH piece AS MATERIALIZED (
        SELECT * FROM unnest(
            %(number)s::int[], %(who)s::bigint[], %(session)s::bigint[],
            %(first_at)s::timestamptz[], %(last_at)s::timestamptz[]
        ) AS piece (number, who, session, first_at, last_at)
    ), stretch AS MATERIALIZED (
        SELECT unnest(range_agg(tstzrange(first_at, last_at, '[]'))) AS times FROM piece
    ), event AS MATERIALIZED (
        SELECT {UNIT} AS who, {SESSION} AS session, {IDENTIFIER} AS identifier, session_id, {COLUMNS}
        FROM stretch JOIN telemetry_events ON event_timestamp >= lower(times) AND event_timestamp <= upper(times)
        WHERE project_id = %(project_id)s AND event_timestamp BETWEEN %(start)s AND %(end)s AND {WHOSE} IS NOT NULL
    )
    SELECT number, min(identifier), coalesce(min(session_id), ''), {DETAILS}
    FROM piece JOIN event USING (who, session) WHERE event_timestamp BETWEEN first_at AND last_at GROUP BY number"""


def page_of(question: Question, pieces: Pieces, sessions: SessionArrays) -> list[Session]:
    """The newest sessions after the question's place, one more than the page holds. Raises django.db.Error, TooMuch."""
    found = _detailed(question.project_id, pieces, sessions, _newest(question, sessions.started_us))
    found.sort(key=lambda session: session.place, reverse=True)
    if question.after is not None:
        found = [session for session in found if session.place < question.after]
    return found[: question.page_size + 1]


def _newest(question: Question, started_us: Longs) -> Longs:
    """Which sessions may be on the page: as many as it holds, and all that began at the moment of one of its edges.

    Those of one moment are in the order of their names, which only their events tell.
    """
    upper_us = (question.after.started_at - EPOCH) // MICROSECOND if question.after else _MOST
    before_us = started_us[started_us < upper_us]
    beyond = len(before_us) - question.page_size - 1
    lower_us = np.partition(before_us, beyond)[beyond] if beyond > 0 else _LEAST
    found = np.flatnonzero((started_us >= lower_us) & (started_us <= upper_us))
    if len(found) > question.page_size + MOST_BESIDE:
        raise TooMuch
    return found


def _detailed(project_id: int, pieces: Pieces, sessions: SessionArrays, wanted: Longs) -> list[Session]:
    """These sessions, in any order."""
    if not len(wanted):
        return []
    rows = fetch(_STATEMENT, {"project_id": project_id, **_pieces_of(pieces, sessions, wanted)})
    person_of = families(project_id, sorted({row[1] for row in rows if row[1] is not None}))
    return [
        Session(
            # Nobody's session stands for whoever it is of.
            session if identifier is None else person_of.get(identifier, identifier),
            session,
            _moment(sessions.started_us[number]),
            _moment(sessions.ended_us[number]),
            *told,
        )
        for number, identifier, session, *told in rows
    ]


def _pieces_of(pieces: Pieces, sessions: SessionArrays, wanted: Longs) -> dict[str, Any]:
    """The statement's parameters."""
    first_piece = sessions.bounds[wanted]
    counts = sessions.bounds[wanted + 1] - first_piece
    # Each session's places one after the other: its first one, and as many steps on as it has pieces.
    steps = np.arange(counts.sum()) - np.repeat(counts.cumsum() - counts, counts)
    places = sessions.pieces[np.repeat(first_piece, counts) + steps]
    first_at, last_at = _moments(pieces.first_us[places]), _moments(pieces.last_us[places])
    return {
        "number": np.repeat(wanted, counts).tolist(),
        "who": pieces.who[places].tolist(),
        "session": pieces.session[places].tolist(),
        "first_at": first_at,
        "last_at": last_at,
        "start": min(first_at),
        "end": max(last_at),
    }


def _moments(times_us: Longs) -> list[datetime]:
    return [_moment(one) for one in times_us.tolist()]


def _moment(time_us: int) -> datetime:
    return EPOCH + int(time_us) * MICROSECOND
