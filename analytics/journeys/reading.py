"""Progress as it is now: what the upkeep has seen, and the events that it hasn't."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from analytics.journeys import changes
from analytics.journeys.definitions import Definition, current
from analytics.journeys.firsts import first_times
from analytics.journeys.measures import Reached, earliest
from analytics.journeys.ready import TTF, ensure_ready
from analytics.models.journeys import Journey
from events.persons import ids_of_person
from storage.sql_pieces import Sql

_KEPT = (
    "SELECT identifier, reached_at FROM journey_progress "
    "WHERE project_id = %s AND journey_id = %s AND definition = %s"
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with all ids, and when they reached which milestone."""

    identifiers: Sequence[str]
    reached: Reached


def journey_named(project_id: int, slug: str) -> Definition | None:
    """A project's journey by its slug. Raises JourneyError."""
    found = Journey.objects.filter(project=project_id, slug=slug).first()
    if found is None and slug == TTF:
        # A project that is newer than the last upkeep.
        ensure_ready([project_id])
        found = Journey.objects.filter(project=project_id, slug=slug).first()
    return current(found) if found else None


def person_on(definition: Definition, identifier: str) -> Person | None:
    """Somebody's progress, by any of their ids; None for who has reached no milestone."""
    ids = ids_of_person(definition.project_id, identifier)
    rows = times_by_identifier(definition, ids)
    with connection.cursor() as cursor:
        cursor.execute(rows.text, rows.parameters)
        times = [reached for _, reached in cursor.fetchall()]
    return Person(ids, earliest(times)) if times else None


def times_by_identifier(definition: Definition, identifiers: Sequence[str] = ()) -> Sql:
    """SQL: `(identifier, reached_at)` of everybody or of some ids; of those in two rows the earliest times count."""
    # Before the rest, so that what the upkeep moves from one part to the other meanwhile is in both.
    spans = changes.unseen(definition.project_id, definition.journey_id)
    tail = first_times(definition, spans, identifiers)
    whose = Sql(" AND identifier = ANY(%s)", (list(identifiers),)) if identifiers else Sql("")
    kept = (definition.project_id, definition.journey_id, definition.number)
    return Sql(f"{_KEPT}{whose.text} UNION ALL ({tail.text})", (*kept, *whose.parameters, *tail.parameters))
