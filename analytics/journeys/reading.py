"""Progress as it is now: what the upkeep has seen, and the events that it hasn't."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from django.db import connection

from analytics.journeys import changes
from analytics.journeys.changes import Span
from analytics.journeys.definitions import Definition, JourneyError, current
from analytics.journeys.firsts import first_times
from analytics.journeys.measures import Reached, earliest
from analytics.journeys.ready import TTF, ensure_ready
from analytics.models.journeys import Journey
from events.persons import ids_of_person
from storage.sql_pieces import Sql, joined

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


def journeys_of(project_id: int, most: int) -> list[Definition]:
    """A project's journeys by name; those that can't be followed as they are defined are left out."""
    ensure_ready([project_id])
    rows = Journey.objects.filter(project=project_id).select_related("state").prefetch_related("milestones")
    found = []
    for journey in rows[:most]:
        with suppress(JourneyError):
            found.append(current(journey))
    return found


def person_on(definition: Definition, identifier: str) -> Person | None:
    """Somebody's progress, by any of their ids; None for who has reached no milestone."""
    ids = ids_of_person(definition.project_id, identifier)
    (reached,) = reached_by([definition], ids)
    return Person(ids, reached) if reached else None


def reached_by(definitions: Sequence[Definition], identifiers: Sequence[str]) -> list[Reached | None]:
    """When somebody with these ids reached the milestones of journeys of one project; None for none of them."""
    if not definitions:
        return []
    rows = joined(
        [
            Sql(f"SELECT {number}, reached_at FROM ({piece.text}) AS found", piece.parameters)
            for number, piece in enumerate(times_by_identifier(definitions, identifiers))
        ],
        " UNION ALL ",
    )
    times: list[list[Reached]] = [[] for _ in definitions]
    with connection.cursor() as cursor:
        cursor.execute(rows.text, rows.parameters)
        for number, reached in cursor.fetchall():
            times[number].append(reached)
    return [earliest(of_one) if of_one else None for of_one in times]


def times_by_identifier(definitions: Sequence[Definition], identifiers: Sequence[str] = ()) -> list[Sql]:
    """SQL for each of some journeys of one project: `(identifier, reached_at)` of everybody, or of some ids.

    Of ids in two rows the earliest times count.
    """
    # Before the rest, so that what the upkeep moves from one part to the other meanwhile is in both.
    spans = changes.unseen(definitions[0].project_id, [one.journey_id for one in definitions])
    return [_times(one, spans[one.journey_id], identifiers) for one in definitions]


def _times(definition: Definition, spans: Sequence[Span], identifiers: Sequence[str]) -> Sql:
    tail = first_times(definition, spans, identifiers)
    whose = Sql(" AND identifier = ANY(%s)", (list(identifiers),)) if identifiers else Sql("")
    kept = (definition.project_id, definition.journey_id, definition.number)
    return Sql(f"{_KEPT}{whose.text} UNION ALL ({tail.text})", (*kept, *whose.parameters, *tail.parameters))
