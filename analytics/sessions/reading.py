"""Sessions out of the raw table: all of them counted, and one page of them in detail, in one statement."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import connection

from analytics.sessions.question import Place, Question
from analytics.units import PERSON, from_events, unit_of_event
from storage.sql_pieces import Sql, joined

_PAGE = "coalesce(event_data ->> 'path', event_data ->> 'url', event_data ->> 'page')"
_IS_PAGE_VIEW = """(event_type IN ('page', 'screen', 'page_view', 'screen_view')
    OR event_name IN ('page', 'screen', 'page_view', 'page_viewed', 'pageview', '$pageview', 'screen_view'))"""

_BY = "PARTITION BY unit, session ORDER BY event_timestamp, id"


@dataclass(frozen=True, slots=True)
class Session:
    """`entry` and `exit` are the first and the last page, where events name pages, else the events' names."""

    unit: str
    session: str
    number: int
    started_at: datetime
    ended_at: datetime
    event_count: int
    page_view_count: int
    entry: str
    exit: str
    source: str | None

    @property
    def place(self) -> Place:
        return Place(self.started_at, self.unit, self.session, self.number)


@dataclass(frozen=True, slots=True)
class Sessions:
    """Counts are of all sessions; `page` are the newest, one more than were asked for where there are more."""

    session_count: int
    unit_count: int
    median_seconds: float | None
    page: list[Session]


def read(question: Question) -> Sessions:
    """Raises django.db.Error."""
    events, page = _events(question), _page(question)
    statement = f"""
        WITH event AS ({events.text}),
        marked AS (
            SELECT *, session = '' AND event_timestamp - lag(event_timestamp) OVER ({_BY}) > %s AS is_new FROM event
        ),
        numbered AS (SELECT *, count(*) FILTER (WHERE is_new) OVER ({_BY}) AS number FROM marked),
        sessions AS (
            SELECT unit, session, number, min(event_timestamp) AS started_at, max(event_timestamp) AS ended_at
            FROM numbered GROUP BY unit, session, number
        ),
        totals AS (
            SELECT count(*) AS session_count, count(DISTINCT unit) AS unit_count,
                   percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - started_at)::float8)
                       AS median_seconds
            FROM sessions
        ),
        page AS ({page.text}),
        detailed AS (
            SELECT unit, session, number, started_at, ended_at, count(*) AS event_count,
                   count(*) FILTER (WHERE is_page_view) AS page_view_count,
                   {_first("ASC")} AS entry, {_first("DESC")} AS exit,
                   (array_agg(source ORDER BY event_timestamp, id) FILTER (WHERE source <> ''))[1] AS source
            FROM page JOIN numbered USING (unit, session, number)
            GROUP BY unit, session, number, started_at, ended_at
        )
        SELECT totals.*, detailed.* FROM totals LEFT JOIN detailed ON true
        ORDER BY started_at DESC, unit DESC, session DESC, number DESC"""
    with connection.cursor() as cursor:
        parameters: list[Any] = [*events.parameters, question.gap, *page.parameters]
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    session_count, unit_count, median_seconds = rows[0][:3]
    page_of = [Session(*row[3:]) for row in rows if row[3] is not None]
    return Sessions(session_count, unit_count, median_seconds, page_of)


def _first(direction: str) -> str:
    """The first page in this direction, else the first event's name."""
    order = f"ORDER BY event_timestamp {direction}, id {direction}"
    return (
        f"coalesce((array_agg(named_page {order}) FILTER (WHERE named_page <> ''))[1], "
        f"(array_agg(event_name {order}))[1])"
    )


def _events(question: Question) -> Sql:
    """Events with their unit and session, '' where they name none."""
    unit = unit_of_event(question.unit)
    # Nobody's session is at least one session; an event of nobody without any belongs to none.
    named = f"coalesce({unit.text}, nullif(session_id, ''))" if question.unit == PERSON else unit.text
    where = [Sql("project_id = %s", (question.project_id,))]
    if question.start is not None:
        where.append(Sql("event_timestamp >= %s", (question.start,)))
    if question.end is not None:
        where.append(Sql("event_timestamp < %s", (question.end,)))
    condition = joined(where, " AND ")
    return Sql(
        f"""SELECT * FROM (
                SELECT {named} AS unit, coalesce(session_id, '') AS session, event_timestamp, id, event_name, source,
                       {_PAGE} AS named_page, {_IS_PAGE_VIEW} AS is_page_view
                FROM {from_events(question.unit, question.project_id)} WHERE {condition.text}
            ) AS named WHERE unit IS NOT NULL""",
        (*unit.parameters, *condition.parameters),
    )


def _page(question: Question) -> Sql:
    newest = "ORDER BY started_at DESC, unit DESC, session DESC, number DESC LIMIT %s"
    if (after := question.after) is None:
        return Sql(f"SELECT * FROM sessions {newest}", (question.page_size + 1,))
    return Sql(
        f"SELECT * FROM sessions WHERE (started_at, unit, session, number) < (%s, %s, %s, %s) {newest}",
        (after.started_at, after.unit, after.session, after.number, question.page_size + 1),
    )
