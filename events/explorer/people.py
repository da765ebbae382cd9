"""Whose events one looks at: the ids that are the same person, and what they did in the range."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.urls import reverse

from events import persons
from events.explorer.conditions import PERSON
from events.explorer.reading import around, fetch, selected
from events.explorer.selection import Selection
from events.explorer.walking import backwards
from events.rollups import IS_ERROR
from projects.pages.page import Problem
from storage.sql_pieces import Sql

MAX_SESSIONS = 10_000
MAX_SHOWN_IDS = 10


@dataclass(slots=True)
class Person:
    """`read_back_to`: what lies before was not looked at for lack of time; None where all was."""

    name: str
    ids: list[str]
    person_url: str
    """All events under any of the ids, where the page shows only those of one."""
    timeline_url: str
    """What this person did, session by session."""
    event_count: int = 0
    error_count: int = 0
    first_at: datetime | None = None
    last_at: datetime | None = None
    sessions: set[str] = field(default_factory=set)
    read_back_to: datetime | None = None

    @property
    def other_ids(self) -> list[str]:
        return [one for one in self.ids if one != self.name][:MAX_SHOWN_IDS]

    @property
    def unnamed_count(self) -> int:
        """Of ids that are not shown."""
        return max(len(self.ids) - 1 - MAX_SHOWN_IDS, 0)


def person_of(selection: Selection) -> Person:
    """The person that the selection is about, in the events that it selects. Raises Problem where it names none."""
    if not selection.person:
        raise Problem("Choose a person: person=<any of their ids>.")
    ids = persons.ids_of_person(selection.project_id, selection.person)
    is_whole = PERSON in selection.named
    person_url = selection.url(user_id=None, person=selection.person) if len(ids) > 1 and not is_whole else ""
    name = ids[0] if is_whole else selection.person
    timeline_url = selection.scope.url(reverse("explore_person", args=[name]))
    found = Person(name, ids, person_url, timeline_url)
    time_range, low = selection.scope.range, selection.scope.range.end
    for low, high in backwards(time_range.start, time_range.end):
        for piece in fetch(_piece(selection, low, high)):
            _add(found, piece)
    found.read_back_to = low if low > time_range.start else None
    return found


def _piece(selection: Selection, low: datetime, high: datetime) -> Sql:
    return around(
        f"""SELECT count(*), count(*) FILTER (WHERE is_error), min(event_timestamp), max(event_timestamp),
                   (array_agg(DISTINCT session_id) FILTER (WHERE session_id IS NOT NULL))[:{MAX_SESSIONS}]
            FROM (""",
        selected(selection, Sql(f"event_timestamp, session_id, ({IS_ERROR}) AS is_error"), low, high),
        ") AS found",
    )


def _add(found: Person, piece: tuple[Any, ...]) -> None:
    """Pieces come newest first."""
    event_count, error_count, first_at, last_at, sessions = piece
    found.event_count += event_count
    found.error_count += error_count
    found.first_at = first_at or found.first_at
    found.last_at = found.last_at or last_at
    found.sessions.update(sessions or ())
