"""What comes next most often after a step: of a bounded sample of the newest events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import connection

from analytics.matchers import Matcher, condition
from analytics.units import PERSON, unit_of_event
from events.explorer.walking import backwards
from events.trails import IDENTIFIER
from storage.sql_pieces import Sql

SAMPLE = 500
"""Times that something came next; more would not change which events lead."""

BUDGET_SECONDS = 1.0
MAX_NAMES = 8


@dataclass(frozen=True, slots=True)
class Next:
    """An event, how often it came right after the step, and that as a share of all that came next."""

    name: str
    count: int
    ratio: float


@dataclass(frozen=True, slots=True)
class Following:
    """`sampled` times the step was done; after `nothing` of them no other event has come yet."""

    names: Sequence[Next]
    sampled: int
    nothing: int
    read_back_to: datetime


def following(project_id: int, unit: str, matcher: Matcher, start: datetime, end: datetime) -> Following:
    """Which event of the same unit comes right after one that matches; a step done again and again counts once.

    From `end` backwards, until SAMPLE of them are found or BUDGET_SECONDS are spent. People by the id that an event
    names, not merged: looking up a million links each time would take longer than people wait. Raises
    django.db.Error.
    """
    counts: dict[str | None, int] = {}
    low = end
    for low, _ in backwards(start, end, BUDGET_SECONDS):
        # From the end on each time, and no piece by itself: what follows may lie in the piece before.
        statement = _counted(project_id, unit, matcher, low, end)
        with connection.cursor() as cursor:
            cursor.execute(statement.text, statement.parameters)
            counts = dict(cursor.fetchall())
        if sum(counts.values()) - counts.get(None, 0) >= SAMPLE:
            break
    nothing = counts.pop(None, 0)
    followed = sum(counts.values())
    names = [Next(str(name), count, count / followed) for name, count in counts.items()]
    # By name where they are equal, so that buttons stay where they are.
    names.sort(key=lambda one: (-one.count, one.name))
    return Following(names[:MAX_NAMES], followed + nothing, nothing, low)


def _counted(project_id: int, unit: str, matcher: Matcher, low: datetime, high: datetime) -> Sql:
    """Rows of (name of the event that follows or null, how often) in this stretch of time."""
    whose = Sql(IDENTIFIER) if unit == PERSON else unit_of_event(unit)
    matching = condition(matcher)
    over = "OVER (PARTITION BY unit ORDER BY event_timestamp, id)"
    return Sql(
        f"""SELECT following, count(*) FROM (
                SELECT is_step, lead(event_name) {over} AS following, lead(is_step) {over} AS is_again
                FROM (SELECT {whose.text} AS unit, event_timestamp, id, event_name, {matching.text} AS is_step
                      FROM telemetry_events
                      WHERE project_id = %s AND event_timestamp >= %s AND event_timestamp < %s) AS event
                WHERE unit IS NOT NULL) AS pair
            WHERE is_step AND is_again IS NOT TRUE GROUP BY following""",
        (*whose.parameters, *matching.parameters, project_id, low, high),
    )
