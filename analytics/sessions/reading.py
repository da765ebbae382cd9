"""Sessions out of the raw table: all of them counted, and one page of them in detail, in one statement."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from analytics.sessions.every import events, every_session
from analytics.sessions.question import Place, Question
from storage.rollups.windows import Window
from storage.sql_pieces import Sql, joined

WORK_MEMORY = "64MB"
"""For sorting and grouping: with the server's own setting a million events go to disk and back."""

DURATIONS_SECONDS = (0.0, 1.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0)
"""Where bars of the distribution begin; the first holds sessions of one moment."""

PAGE = "coalesce(event_data ->> 'path', event_data ->> 'url', event_data ->> 'page')"
IS_PAGE_VIEW = """(event_type IN ('page', 'screen', 'page_view', 'screen_view')
    OR event_name IN ('page', 'screen', 'page_view', 'page_viewed', 'pageview', '$pageview', 'screen_view'))"""

_SECONDS = "extract(epoch FROM ended_at - started_at)::float8"
_NEWEST = "started_at DESC, unit DESC, session DESC"


@dataclass(frozen=True, slots=True)
class Session:
    """`entry` and `exit` are the first and the last page, where events name pages, else the events' names."""

    unit: str
    session: str
    started_at: datetime
    ended_at: datetime
    event_count: int
    page_view_count: int
    entry: str
    exit: str
    source: str | None

    @property
    def place(self) -> Place:
        return Place(self.started_at, self.unit, self.session)

    @property
    def duration(self) -> timedelta:
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class Bucket:
    """Sessions that began in one stretch of time."""

    start: datetime
    session_count: int
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Counts are of all sessions; `page` are the newest, one more than were asked for where there are more.

    `buckets` and `durations` (how many sessions lie in which bar of DURATIONS_SECONDS) where a window was given.
    """

    session_count: int
    unit_count: int
    median_seconds: float | None
    page: list[Session]
    buckets: Sequence[Bucket] = ()
    durations: Sequence[int] = field(default_factory=lambda: [0] * len(DURATIONS_SECONDS))


def read(question: Question, window: Window | None = None) -> Sessions:
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
    return replace(found, buckets=_buckets(window, buckets), durations=_durations(durations))


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
    columns = Sql(
        f"event_timestamp, id, event_name, source, {PAGE} AS named_page, {IS_PAGE_VIEW} AS is_page_view"
    )
    between = Sql(
        "event_timestamp BETWEEN (SELECT min(started_at) FROM page) AND (SELECT max(ended_at) FROM page)"
    )
    found = events(question, columns, between)
    return Sql(
        f"""SELECT unit, session, started_at, ended_at, count(*) AS event_count,
                   count(*) FILTER (WHERE is_page_view) AS page_view_count,
                   {_first("ASC")} AS entry, {_first("DESC")} AS exit,
                   (array_agg(source ORDER BY event_timestamp, id) FILTER (WHERE source <> ''))[1] AS source
            FROM page JOIN ({found.text}) AS event USING (unit, session)
            WHERE event_timestamp BETWEEN started_at AND ended_at
            GROUP BY unit, session, started_at, ended_at""",
        found.parameters,
    )


def _first(direction: str) -> str:
    """The first page in this direction, else the first event's name."""
    order = f"ORDER BY event_timestamp {direction}, id {direction}"
    return (
        f"coalesce((array_agg(named_page {order}) FILTER (WHERE named_page <> ''))[1], "
        f"(array_agg(event_name {order}))[1])"
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


def _buckets(window: Window, found: str | None) -> list[Bucket]:
    """Every bucket, also those in which nobody began."""
    by_number = {number: rest for number, *rest in json.loads(found or "[]")}
    return [Bucket(start, *by_number.get(number, (0, None))) for number, start in enumerate(window.buckets)]


def _durations(found: str | None) -> list[int]:
    by_number = dict(json.loads(found or "[]"))
    return [by_number.get(number, 0) for number, _ in enumerate(DURATIONS_SECONDS, start=1)]
