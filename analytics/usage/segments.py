"""Adoption of a feature by the values of a column: exact, from raw rows of the range alone."""

from __future__ import annotations

from typing import TypedDict

from django.db import connection

from analytics.matchers import Matcher, condition
from analytics.units import PERSON, from_events, unit_of_event
from analytics.usage.periods import Periods
from events.columns import text_of_column
from storage.estimates import of_project
from storage.sql_pieces import Sql

MAX_SEGMENTS = 100
MAX_TEXT = 200
"""Characters of a value that are told apart."""


class Segment(TypedDict):
    """People with an event of this value, and those of them who used the feature in one; None: events without any."""

    segment: str | None
    people: int
    active: int
    adoption_ratio: float


def segments(project_id: int, matcher: Matcher, column: str, periods: Periods) -> tuple[list[Segment], bool]:
    """The values with most people first, and whether there are more than are given. Raises django.db.Error."""
    statement = _statement(project_id, matcher, column, periods)
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.parameters)
        rows: list[tuple[str | None, int, int]] = cursor.fetchall()
    found = [
        Segment(segment=value, people=people, active=active, adoption_ratio=people / active)
        for value, people, active in rows[:MAX_SEGMENTS]
    ]
    return found, len(rows) > MAX_SEGMENTS


def _statement(project_id: int, matcher: Matcher, column: str, periods: Periods) -> Sql:
    unit, value, is_use = unit_of_event(PERSON), text_of_column(column), condition(matcher)
    return Sql(
        f"""SELECT value, count(*) FILTER (WHERE has_used), count(*) AS active
            FROM (SELECT value, person, bool_or(is_use) AS has_used
                  FROM (SELECT left(nullif({value.text}, ''), {MAX_TEXT}) AS value, {unit.text} AS person,
                               {is_use.text} AS is_use
                        FROM {from_events(PERSON, project_id)}
                        WHERE {of_project("%s")} AND event_timestamp >= %s AND event_timestamp < %s) AS event
                  WHERE person IS NOT NULL GROUP BY value, person) AS person_in_segment
            GROUP BY value ORDER BY active DESC, value NULLS LAST LIMIT {MAX_SEGMENTS + 1}""",
        (
            *value.parameters,
            *unit.parameters,
            *is_use.parameters,
            project_id,
            periods.start,
            periods.end,
        ),
    )
