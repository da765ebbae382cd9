"""The raw road: sessions of any unit and gap out of raw events, all of them counted and one page of them in detail."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from django.db import connection

from analytics.sessions.answers import DURATIONS_SECONDS, Session, Sessions, buckets_of
from analytics.sessions.details import COLUMNS, DETAILS
from analytics.sessions.every import events, every_session
from analytics.sessions.question import Question
from storage.rollups.windows import Window
from storage.sql_pieces import Sql, joined

WORK_MEMORY = "64MB"
"""For sorting and grouping: with the server's own setting a million events go to disk and back."""

_SECONDS = "extract(epoch FROM ended_at - started_at)::float8"
_NEWEST = "started_at DESC, unit DESC, session DESC"


def read(question: Question, window: Window | None) -> Sessions:
    """Raises django.db.Error. Inside a transaction, whose memory for sorting it raises."""
    tables = [
        ("sessions", every_session(question)),
        ("totals", _TOTALS),
        ("page", _page(question)),
        ("detailed", _detailed(question)),
    ]
    named = joined([Sql(f"{name} AS MATERIALIZED ({one.text})", one.parameters) for name, one in tables])
    course = _course(window) if window else Sql("NULL, NULL")
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('work_mem', %s, true)", [WORK_MEMORY])
        cursor.execute(
            f"WITH {named.text} SELECT {course.text}, totals.*, detailed.* "
            f"FROM totals LEFT JOIN detailed ON true ORDER BY {_NEWEST}",
            (*named.parameters, *course.parameters),
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    buckets, durations, session_count, unit_count, median_seconds = rows[0][:5]
    page = [Session(*row[5:]) for row in rows if row[5] is not None]
    found = Sessions(session_count, unit_count, median_seconds, page)
    if window is None:
        return found
    return replace(
        found, buckets=buckets_of(window, json.loads(buckets or "[]")), durations=_durations(durations)
    )


_TOTALS = Sql(
    f"""SELECT count(*) AS session_count,
               (SELECT count(*) FROM (SELECT DISTINCT unit FROM sessions) AS one) AS unit_count,
               percentile_cont(0.5) WITHIN GROUP (ORDER BY {_SECONDS}) AS median_seconds
        FROM sessions"""
)


def _page(question: Question) -> Sql:
    if (after := question.after) is None:
        return Sql(f"SELECT * FROM sessions ORDER BY {_NEWEST} LIMIT %s", (question.page_size + 1,))
    return Sql(
        f"SELECT * FROM sessions WHERE (started_at, unit, session) < (%s, %s, %s) ORDER BY {_NEWEST} LIMIT %s",
        (after.started_at, after.unit, after.session, question.page_size + 1),
    )


def _detailed(question: Question) -> Sql:
    """The sessions of the page with what their events say, which are read once more."""
    between = Sql(
        "event_timestamp BETWEEN (SELECT min(started_at) FROM page) AND (SELECT max(ended_at) FROM page)"
    )
    found = events(question, Sql(COLUMNS), between)
    return Sql(
        f"""SELECT unit, session, started_at, ended_at, {DETAILS}
            FROM page JOIN ({found.text}) AS event USING (unit, session)
            WHERE event_timestamp BETWEEN started_at AND ended_at
            GROUP BY unit, session, started_at, ended_at""",
        found.parameters,
    )


def _course(window: Window) -> Sql:
    """`[[number of the bucket, sessions, median]]`, and `[[number of the bar, sessions]]`, as JSON."""
    return Sql(
        f"""(SELECT jsonb_agg(jsonb_build_array(bucket, session_count, median_seconds)) FROM (
                SELECT floor(extract(epoch FROM started_at - %s) / %s)::int AS bucket, count(*) AS session_count,
                       percentile_cont(0.5) WITHIN GROUP (ORDER BY {_SECONDS}) AS median_seconds
                FROM sessions GROUP BY 1) AS one),
            (SELECT jsonb_agg(jsonb_build_array(bar, session_count)) FROM (
                SELECT width_bucket({_SECONDS}, %s::float8[]) AS bar, count(*) AS session_count
                FROM sessions GROUP BY 1) AS one)""",
        (window.start, window.interval.total_seconds(), list(DURATIONS_SECONDS)),
    )


def _durations(found: str | None) -> list[int]:
    by_number = dict(json.loads(found or "[]"))
    return [by_number.get(number, 0) for number, _ in enumerate(DURATIONS_SECONDS, start=1)]
