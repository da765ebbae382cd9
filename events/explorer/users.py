"""How many different users the counted events have: of whole days from their exact sets, else event by event."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from events.explorer.counts import Counts, SelectedQuestion, Users
from events.explorer.fields import Field, field_of
from events.explorer.reading import around, fetch, selected
from events.explorer.selection import Selection
from events.explorer.walking import backwards
from events.queries import USERS, users
from events.rollups import ACTOR
from storage.rollups.windows import DAY, EPOCH, Window
from storage.sql_pieces import Sql, joined

FEW_EVENTS = 20_000
"""So many can be looked at one by one, to tell users apart, without making anybody wait."""
MOST_SET_EVENTS = 200_000
"""The sets of days have at most as many rows as there are events; so many take a quarter of a second to tell apart."""
SHORTEST_OF_DAYS = timedelta(days=2)
"""Of shorter ranges whole days would say too much: they may begin a day earlier."""
MAX_PAIRS = 50_000
"""Of a value and a user, that one process keeps in memory at once."""


def users_of_rolled_up(selection: Selection, counts: Counts) -> Users | None:
    """Of events that roll-ups counted; None where it would take long."""
    named = selection.dimensions is not None and {*selection.dimensions, counts.by} <= {"event_name"}
    if named and selection.scope.range.length >= SHORTEST_OF_DAYS and counts.event_count <= MOST_SET_EVENTS:
        return _users_of_days(selection, counts)
    if counts.event_count <= FEW_EVENTS:
        start, end = selection.scope.range.start, selection.scope.range.end
        return _told_apart(selection, field_of(counts.by), start, backwards(start, end))
    return None


def users_since(selection: Selection, by: Field, start: datetime) -> Users | None:
    """Of the events since `start`, told apart one by one in a single read; None where they are too many."""
    return _told_apart(selection, by, start, [(start, selection.scope.range.end)])


def _told_apart(
    selection: Selection, by: Field, start: datetime, pieces: Iterable[tuple[datetime, datetime]]
) -> Users | None:
    everybody: set[str] = set()
    by_value: dict[str | None, set[str]] = {}
    low, pair_count = selection.scope.range.end, 0
    for low, high in pieces:
        pairs = fetch(_pairs(selection, by, low, high))
        pair_count += len(pairs)
        if pair_count > MAX_PAIRS:
            return None
        for value, actor in pairs:
            everybody.add(actor)
            by_value.setdefault(value, set()).add(actor)
    return Users(
        count=len(everybody),
        by_value={value: len(actors) for value, actors in by_value.items()},
        read_back_to=low if low > start else None,
    )


def _users_of_days(selection: Selection, counts: Counts) -> Users:
    """Two reads: in all, and of each name that is shown."""
    time_range = selection.scope.range
    start = time_range.start - (time_range.start - EPOCH) % DAY
    end = time_range.end + (EPOCH - time_range.end) % DAY

    def question(*group_by: str) -> SelectedQuestion:
        return SelectedQuestion(
            project_id=selection.project_id,
            window=Window(start, end, end - start),
            group_by=group_by,
            measures=[USERS],
            limit=len(counts.groups) or 1,
            selection=selection,
        )

    whole = users(question())
    groups = users(question(counts.by), [group.value for group in counts.groups])
    return Users(
        count=whole[0].measures[USERS][0] if whole else 0,
        by_value={group.dimensions[counts.by]: group.measures[USERS][0] for group in groups},
        days_from=start,
    )


def _pairs(selection: Selection, by: Field, low: datetime, high: datetime) -> Sql:
    """Rows of (value, user), each once."""
    value = by.group
    columns = joined([Sql(f"{value.text} AS value", value.parameters), Sql(f"{ACTOR} AS actor")])
    return around(
        "SELECT DISTINCT value, actor FROM (",
        selected(selection, columns, low, high),
        ") AS found WHERE actor IS NOT NULL LIMIT %s",
        MAX_PAIRS + 1,
    )
