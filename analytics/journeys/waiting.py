"""Who waits where: people on their way who haven't reached the next milestone, and for how long."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from analytics.journeys.definitions import Definition
from analytics.journeys.reading import times_by_identifier
from analytics.journeys.report import Question, measured_sql
from storage.sql_pieces import Sql


@dataclass(frozen=True, slots=True)
class WaitingPerson:
    """Somebody on the way; `position` is that of the milestone they wait for, `minutes` since their last one.

    `is_followed`: they began no longer ago than the journey follows anybody, so that metrics count them.
    """

    person: str
    position: int
    started_at: datetime
    minutes: float
    is_followed: bool


def waiting_people(
    definition: Definition, question: Question, limit: int, position: int | None = None
) -> list[WaitingPerson]:
    """Those who began when the question asks: whom the journey follows first, then who has waited longest.

    With `position`: only those who wait for that milestone.
    """
    (kept,) = times_by_identifier([definition])
    select = Sql(
        "SELECT person, waits_for, r0, waiting, is_followed FROM measured "
        "WHERE waits_for IS NOT NULL AND (%s::int IS NULL OR waits_for = %s) "
        "ORDER BY is_followed DESC, waiting DESC, person LIMIT %s",
        (position, position, limit),
    )
    asked = measured_sql(definition, kept, question, select)
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.parameters)
        return [WaitingPerson(*row) for row in cursor.fetchall()]
