"""The list: a page of the events of a selection, newest first, with the columns that were chosen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from events.explorer.fields import NAMES, Field, find_field
from events.explorer.paging import KEY, Gathered, events_of, gathered, pieces_back
from events.explorer.selection import COLUMNS, CURSOR, EVENT, EVENT_TIME, Selection
from events.explorer.summaries import state_of, summary_of, text_of, title_of
from events.explorer.table import exportable
from events.models import Event
from projects import figures

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
    """A page of rows; `page.looked_to` where it isn't whole, and then `further_url` goes on."""

    page: Gathered
    rows: Sequence[Row]
    older_url: str
    newer_url: str
    newest_url: str

    @property
    def further_url(self) -> str:
        if not self.page.looked_to:
            return ""
        return self.newer_url if self.page.is_forward else self.older_url


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
    names = dict.fromkeys([*(name for name in NAMES if name != "event_name"), *shown])
    return [ColumnChoice(name, name in shown, column_url(selection, name)) for name in names]


def column_url(selection: Selection, name: str) -> str:
    """The page with this column more or, where it is shown, without it."""
    shown = [field.name for field in columns_of(selection)]
    chosen = [one for one in shown if one != name] if name in shown else [*shown, name]
    return selection.scope.here(**{COLUMNS: ",".join(chosen) or NO_COLUMNS})


def listed(selection: Selection) -> Listed:
    """The page that the cursor of the URL leads to, else the newest. Raises Problem."""
    page = gathered(selection)
    columns = columns_of(selection)
    return Listed(
        page=page,
        rows=[_row(selection, event, columns) for event in page.rows],
        older_url=_cursor_url(selection, page.older),
        newer_url=_cursor_url(selection, page.newer),
        newest_url=selection.url() if selection.scope.filters.get(CURSOR) else "",
    )


def newest(selection: Selection, limit: int, columns: Sequence[str]) -> list[tuple[Any, ...]]:
    """Columns of `exportable` of the newest events, at most so many, as far back as there was time to look."""
    found: list[tuple[Any, ...]] = []
    for low, high in pieces_back(selection, selection.scope.range.end):
        rows = exportable(events_of(selection, low, high)).order_by(*(f"-{name}" for name in KEY))
        found += rows.values_list(*columns)[: limit - len(found)]
        if len(found) == limit:
            break
    return found


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
