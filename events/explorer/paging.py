"""One page of the events of a selection: the newest, or those before or after a cursor, gathered piece by piece."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from events.explorer.reading import matching
from events.explorer.selection import CURSOR, Selection
from events.explorer.walking import backwards, forwards
from events.models import Event
from projects.keyset import InvalidCursor, decode_cursor, encode_cursor, page_of
from projects.pages.page import Problem

KEY = ("event_timestamp", "id")
PAGE_SIZE = 50

_LOWEST, _HIGHEST = UUID(int=0), UUID(int=2**128 - 1)
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Gathered:
    """Events newest first, and the cursors beside them.

    `looked_to`: events beyond, older or (`is_forward`) newer ones, were not looked at for lack of time; the cursor on
    that side goes on there. None where the page is whole.
    """

    rows: Sequence[Event]
    older: str | None
    newer: str | None
    looked_to: datetime | None = None
    is_forward: bool = False


def gathered(selection: Selection) -> Gathered:
    """The page that the URL's cursor leads to, else the newest. Raises Problem."""
    time_range = selection.scope.range
    cursor = selection.scope.filters.get(CURSOR)
    if not cursor:
        return _older(selection, None, time_range.end)
    try:
        is_forward, key = decode_cursor(cursor, Event, KEY)
        if not time_range.start <= key[0] <= time_range.end:
            # Of another range, from before it was changed.
            return _older(selection, None, time_range.end)
        if is_forward:
            return _newer(selection, cursor, key[0])
        # The cursor's own moment belongs to the page: events may share it.
        return _older(selection, cursor, min(key[0] + _TICK, time_range.end))
    except InvalidCursor:
        raise Problem("There is no such page of the list. Begin again with the newest events.") from None


def events_of(selection: Selection, low: datetime, high: datetime) -> QuerySet[Event]:
    """The events with `low <= time < high`, in no order."""
    rows = matching(selection.project_id, selection.condition)
    return rows.filter(event_timestamp__gte=low, event_timestamp__lt=high)


def pieces_back(selection: Selection, end: datetime) -> Iterable[tuple[datetime, datetime]]:
    """Without filters every row is wanted, and the whole range at once stops after a page all the same."""
    start = selection.scope.range.start
    return backwards(start, end) if selection.terms else [(start, end)]


def _older(selection: Selection, cursor: str | None, end: datetime) -> Gathered:
    start, low = selection.scope.range.start, end
    rows: list[Event] = []
    older = None
    for low, high in pieces_back(selection, end):
        page = page_of(events_of(selection, low, high), KEY, cursor, PAGE_SIZE - len(rows))
        rows += page.rows
        if len(rows) == PAGE_SIZE:
            older = page.next_cursor or (encode_cursor(False, _key_of(rows[-1])) if low > start else None)
            break
    newer = encode_cursor(True, _key_of(rows[0])) if cursor and rows else None
    if len(rows) == PAGE_SIZE or low <= start:
        return Gathered(rows, older, newer)
    return Gathered(rows, encode_cursor(False, [low, _LOWEST]), newer, looked_to=low)


def _newer(selection: Selection, cursor: str, start: datetime) -> Gathered:
    end, high = selection.scope.range.end, start
    rows: list[Event] = []
    newer = None
    pieces = forwards(start, end) if selection.terms else [(start, end)]
    for low, high in pieces:
        page = page_of(events_of(selection, low, high), KEY, cursor, PAGE_SIZE - len(rows))
        rows = [*page.rows, *rows]
        if len(rows) == PAGE_SIZE:
            newer = page.previous_cursor or (encode_cursor(True, _key_of(rows[0])) if high < end else None)
            break
    older = encode_cursor(False, _key_of(rows[-1]) if rows else [start + _TICK, _LOWEST])
    if len(rows) == PAGE_SIZE or high >= end:
        return Gathered(rows, older, newer)
    return Gathered(
        rows, older, encode_cursor(True, [high - _TICK, _HIGHEST]), looked_to=high, is_forward=True
    )


def _key_of(row: Event) -> list[Any]:
    return [row.event_timestamp, row.id]
