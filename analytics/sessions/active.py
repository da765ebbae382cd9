"""Sessions that are going on: their last event is no longer ago than the gap, whoever put the session together."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from django.db import connection

from analytics.sessions.every import events
from analytics.sessions.question import Question
from storage.sql_pieces import Sql


def count_active(question: Question, now: datetime) -> int:
    """Of the question's project and unit, at `now`; its times don't count. Exact, from the raw events of the gap."""
    recent = replace(question, start=now - question.gap, end=None)
    found = events(recent, Sql("event_timestamp"))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT count(*) FROM (SELECT DISTINCT unit, session FROM ({found.text}) AS event) AS active",
            found.parameters,
        )
        (count,) = cursor.fetchone() or (0,)
    return int(count)
