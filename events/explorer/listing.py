"""The list: a page of the events of a selection, newest first, with the columns that were chosen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet

from events.explorer.fields import COLUMNS as FIELD_NAMES
from events.explorer.fields import Field, find_field
from events.explorer.reading import matching
from events.explorer.selection import COLUMNS, CURSOR, EVENT, EVENT_TIME, Selection
from events.explorer.summaries import state_of, summary_of, text_of, title_of
from events.explorer.walking import backwards
from events.exports import exportable
from events.models import Event
from projects import figures
from projects.keyset import InvalidCursor, Page, decode_cursor, encode_cursor, page_of
from projects.pages.page import Problem
from projects.pages.time_range import TimeRange

KEY = ("event_timestamp", "id")
PAGE_SIZE = 50
DEFAULT_COLUMNS = ("user_id",)
NO_COLUMNS = "none"
MAX_COLUMNS = 8
MAX_CELL = 120


@dataclass(frozen=True, slots=True)
class Row:
    """One event. `panel_url` answers with the event whole, `url` is the page with it opened."""

    event: Event
    state: str
    title: str
    summary: str
    cells: Sequence[str]
    panel_url: str
    url: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Listed:
    """`read_back_to`: older events were not looked at for lack of time; None where the page is whole."""

    rows: Sequence[Row]
    older_url: str
    newer_url: str
    newest_url: str
    read_back_to: datetime | None
    further_url: str


@dataclass(frozen=True, slots=True)
class ColumnChoice:
    name: str
    is_shown: bool
    url: str


def columns_of(selection: Selection) -> list[Field]:
    """Those that the URL names, else the usual ones."""
    given = selection.scope.filters.get(COLUMNS, "")
    names = () if given == NO_COLUMNS else given.split(",") if given else DEFAULT_COLUMNS
    found = [field for name in names if (field := find_field(name))]
    return list(dict.fromkeys(found))[:MAX_COLUMNS]


def column_choices(selection: Selection) -> list[ColumnChoice]:
    """Every column, and the keys that are shown now."""
    shown = [field.name for field in columns_of(selection)]
    names = dict.fromkeys([*(name for name in FIELD_NAMES if name != "event_name"), *shown])
    return [ColumnChoice(name, name in shown, column_url(selection, name)) for name in names]


def column_url(selection: Selection, name: str) -> str:
    """The page with this column more or, where it is shown, without it."""
    shown = [field.name for field in columns_of(selection)]
    chosen = [one for one in shown if one != name] if name in shown else [*shown, name]
    return selection.scope.here(**{COLUMNS: ",".join(chosen) or NO_COLUMNS})


def events_of(selection: Selection, low: datetime, high: datetime) -> QuerySet[Event]:
    """The events with `low <= time < high`, in no order."""
    rows = matching(selection.project_id, selection.condition)
    return rows.filter(event_timestamp__gte=low, event_timestamp__lt=high)


def listed(selection: Selection) -> Listed:
    """The page that the cursor of the URL leads to, else the newest. Raises Problem."""
    scope = selection.scope
    page, read_back_to = _page(selection)
    columns = columns_of(selection)
    further = TimeRange(scope.range.start, read_back_to).parameters if read_back_to else {}
    return Listed(
        rows=[_row(selection, event, columns) for event in page.rows],
        older_url=_cursor_url(selection, page.next_cursor),
        newer_url=_cursor_url(selection, page.previous_cursor),
        newest_url=selection.url() if scope.filters.get(CURSOR) else "",
        read_back_to=read_back_to,
        further_url=selection.url(range=None, **further) if further else "",
    )


def newest(selection: Selection, limit: int, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Columns of `exportable` of the newest events, at most so many, as far back as there was time to look."""
    found: list[tuple[Any, ...]] = []
    for low, high in _pieces(selection, selection.scope.range.end):
        rows = exportable(events_of(selection, low, high)).order_by(*(f"-{name}" for name in KEY))
        found += rows.values_list(*columns)[: limit - len(found)]
        if len(found) == limit:
            break
    return found


def _page(selection: Selection) -> tuple[Page, datetime | None]:
    """The page, and how far back was looked where that is not all of the range. Raises Problem."""
    time_range = selection.scope.range
    cursor: str | None = selection.scope.filters.get(CURSOR)
    try:
        is_backwards, key = decode_cursor(cursor, Event, KEY) if cursor else (False, [time_range.end])
        if not time_range.start <= key[0] <= time_range.end:
            # Of another range, from before it was changed.
            cursor, is_backwards, key = None, False, [time_range.end]
        if is_backwards:
            events = events_of(selection, time_range.start, time_range.end)
            return page_of(events, KEY, cursor, PAGE_SIZE), None
        # The cursor's own moment belongs to the page: events may share it.
        return _older(selection, cursor, min(key[0] + timedelta(microseconds=1), time_range.end))
    except InvalidCursor:
        raise Problem("There is no such page of the list. Begin again with the newest events.") from None


def _older(selection: Selection, cursor: str | None, end: datetime) -> tuple[Page, datetime | None]:
    """Events before the cursor, gathered piece by piece until the page is full."""
    start = selection.scope.range.start
    rows: list[Event] = []
    following, low = None, end
    for low, high in _pieces(selection, end):
        page = page_of(events_of(selection, low, high), KEY, cursor, PAGE_SIZE - len(rows))
        rows += page.rows
        if len(rows) == PAGE_SIZE:
            following = page.next_cursor or (encode_cursor(False, _key_of(rows[-1])) if low > start else None)
            break
    previous = encode_cursor(True, _key_of(rows[0])) if cursor and rows else None
    is_whole = len(rows) == PAGE_SIZE or low <= start
    return Page(rows, following, previous), None if is_whole else low


def _pieces(selection: Selection, end: datetime) -> Iterable[tuple[datetime, datetime]]:
    """Without filters every row is wanted, and the whole range at once stops after a page all the same."""
    start = selection.scope.range.start
    return backwards(start, end) if selection.terms else [(start, end)]


def _key_of(event: Event) -> list[Any]:
    return [event.event_timestamp, event.id]


def _row(selection: Selection, event: Event, columns: Sequence[Field]) -> Row:
    scope = selection.scope
    opened = {EVENT: str(event.id), EVENT_TIME: event.event_timestamp.isoformat()}
    return Row(
        event=event,
        state=state_of(event.severity),
        title=title_of(event),
        summary=summary_of(event),
        cells=[_cell(field, event) for field in columns],
        panel_url=scope.here(panel="event", **opened),
        url=scope.here(**opened),
        is_open=scope.filters.get(EVENT) == str(event.id),
    )


def _cell(field: Field, event: Event) -> str:
    value = field.of(event)
    if field.name == "duration_ms":
        return figures.duration(value) if value is not None else ""
    text = text_of(value)
    return text if len(text) <= MAX_CELL else f"{text[: MAX_CELL - 1]}…"


def _cursor_url(selection: Selection, cursor: str | None) -> str:
    return selection.url(**{CURSOR: cursor}) if cursor else ""
