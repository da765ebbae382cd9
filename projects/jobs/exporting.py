"""Exports: all rows that match, newest first, as CSV or JSON lines, in constant memory.

A step reads a window of time, and a batch of its rows: windows grow where rows are few or rare and shrink where reading
takes long, batches grow up to 5,000 rows while these are small and shrink where they are large. So a step takes about
as long, and as much memory, for any filter. The key of the last row is where the next step goes on; rows that arrive
meanwhile in a window that was read are not part of the export.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import OperationalError, transaction
from django.db.models import QuerySet
from psycopg.errors import QueryCanceled

from projects.api.filters import ProjectFilterSet
from projects.jobs.registry import CannotStart, Kind, Order, Request, Step, Work
from projects.keyset import decode_cursor, encode_cursor, rows_beyond
from projects.pages.exporting import csv_lines, json_object
from projects.time_limits import limit_statements
from storage.times import parse_time

FORMATS = {"csv": "CSV", "jsonl": "JSON lines"}
OWN_PARAMETERS = ("format", "start", "end")

FIRST_BATCH, LARGEST_BATCH = 500, 5_000
"""Rows."""
STEP_LENGTH = 4_000_000
"""In characters of the file; the next batch has as many rows as would have filled it, twice as many at most. A worker
holds a step's text several times over, as rows, as text and compressed."""
FIRST_WINDOW = timedelta(minutes=15)
SHORTEST_WINDOW = timedelta(seconds=1)
LONGEST_WINDOW = timedelta(days=30)
QUICK_SECONDS, SLOW_SECONDS = 0.25, 1.0
PATIENCE_SECONDS = 15.0
"""Of one statement; below a job's lease."""

Rows = Callable[[int, Mapping[str, str]], QuerySet[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What is exported. `rows(project_id, filters)` are those that match, of all times; it raises CannotStart.

    `keyset` begins with the time. `columns`: each name in the file and the path of its field or annotation.
    """

    rows: Rows
    keyset: tuple[str, ...]
    columns: Mapping[str, str]
    converted: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    """What turns a column's values, where they aren't None, into those of the file."""
    noun: str = "rows"

    @property
    def time_column(self) -> str:
        return self.keyset[0]


@dataclass(frozen=True, slots=True)
class Place:
    """How far an export is: what has `low <= time < high` is left, after the key `after` where that is given."""

    low: datetime
    high: datetime
    first_high: datetime
    batch: int
    window: timedelta = FIRST_WINDOW
    after: str = ""

    def as_json(self) -> list[Any]:
        return [
            *(at.isoformat() for at in (self.low, self.high, self.first_high)),
            self.window.total_seconds(),
            self.after,
            self.batch,
        ]

    @classmethod
    def of_json(cls, values: Sequence[Any]) -> Place:
        low, high, first_high = map(datetime.fromisoformat, values[:3])
        # Jobs from before batches had a size go on with the first one.
        batch = values[5] if len(values) > 5 else FIRST_BATCH
        return cls(low, high, first_high, batch, timedelta(seconds=values[3]), values[4])

    @property
    def start(self) -> datetime:
        """Of its window."""
        return max(self.low, self.high - self.window)

    def ratio(self, reached: datetime) -> float:
        whole = self.first_high - self.low
        return min(max((self.first_high - reached) / whole, 0), 1) if whole else 1.0


def export_kind(name: str, words: str, permission: str, export: Export) -> Kind:
    """A kind of job; its request has `format`, `start`, `end`, and the filters that `export.rows` understands."""
    return Kind(
        name=name,
        words=words,
        permission=permission,
        check=lambda request: check(export, request),
        run=lambda work: run(export, work),
        unit=export.noun,
    )


def check(export: Export, request: Request) -> Order:
    """Raises CannotStart."""
    given = request.given
    file_format = given.get("format", "csv")
    if file_format not in FORMATS:
        raise CannotStart(f"Exports are CSV or JSON lines, not {file_format[:20]!r}.")
    start, end = _moment(given, "start"), _moment(given, "end")
    if start >= end:
        raise CannotStart("The end has to be later than the start.")
    if request.project_id is None:
        raise CannotStart("Choose a project first.")
    filters = {name: value for name, value in given.items() if name not in OWN_PARAMETERS and value}
    if "\0" in "".join((*filters, *filters.values())):
        raise CannotStart("A filter holds a character that no record has.")
    export.rows(request.project_id, filters)
    listed = ", ".join(f"{name} {value[:100]}" for name, value in filters.items())
    return Order(
        {"format": file_format, "start": start.isoformat(), "end": end.isoformat(), "filters": filters},
        f"{FORMATS[file_format]}{f', only {listed}' if listed else ''}",
    )


def run(export: Export, work: Work) -> Iterator[Step]:
    """Steps of a second or so; the file's head comes with the first one."""
    assert work.project_id is not None
    matching = export.rows(work.project_id, work.parameters["filters"])
    if work.cursor is None:
        place = _begin(export, work)
        yield Step(place.as_json(), done_ratio=0.0, text=_head(export, work.parameters["format"]))
    else:
        place = Place.of_json(work.cursor)
    while place.high > place.low:
        began = time.monotonic()
        try:
            found = _read(export, matching, place)
        except OperationalError as error:
            place = _after_timeout(place, error)
            yield Step(place.as_json(), done_ratio=place.ratio(place.high))
            continue
        seconds, kept = time.monotonic() - began, found[: place.batch]
        text = _lines(export, work.parameters["format"], kept)
        place, reached = _next(export, place, found, seconds)
        place = replace(place, batch=next_batch(place.batch, len(kept), len(text)))
        yield Step(place.as_json(), len(kept), place.ratio(reached), text)


def next_batch(batch: int, row_count: int, length: int) -> int:
    """How many rows the next step may read, after one whose rows made a text of this length. Pure."""
    if not row_count:
        return batch
    fitting = STEP_LENGTH * row_count // max(length, 1)
    return max(min(fitting, 2 * batch, LARGEST_BATCH), 1)


def filtered(
    filterset: type[ProjectFilterSet], rows: QuerySet[Any], filters: Mapping[str, str]
) -> QuerySet[Any]:
    """The rows that a filter set of the API lets through. Raises CannotStart for what it doesn't know."""
    for name in filters:
        if not filterset.knows(name) or name in OWN_PARAMETERS:
            raise CannotStart(f"An export can't be filtered by {name[:40]!r}.")
    found = filterset(data=dict(filters), queryset=rows)
    if not found.is_valid():
        name, errors = next(iter(found.errors.items()))
        raise CannotStart(f"{name}: {errors[0]}")
    return found.qs


def _moment(given: Mapping[str, str], name: str) -> datetime:
    try:
        return parse_time(given.get(name, ""))
    except ValueError:
        raise CannotStart(f"The {name} of the time range is missing, or no time.") from None


def _begin(export: Export, work: Work) -> Place:
    """The asked range, without what lies before the project's first row and after its last: two steps down an index."""
    start, end = (datetime.fromisoformat(work.parameters[name]) for name in ("start", "end"))
    assert work.project_id is not None
    column = export.time_column
    inside = {f"{column}__gte": start, f"{column}__lt": end}
    times = export.rows(work.project_id, {}).filter(**inside).values_list(column, flat=True)
    newest = times.order_by(*[f"-{name}" for name in export.keyset]).first()
    if newest is None:
        return Place(end, end, end, FIRST_BATCH)
    oldest = times.order_by(*export.keyset).first()
    high = min(end, newest + timedelta(microseconds=1))
    return Place(max(start, oldest or start), high, high, FIRST_BATCH)


def _read(export: Export, matching: QuerySet[Any], place: Place) -> list[tuple[Any, ...]]:
    """Rows of the place's window, one more than a batch where it holds that many; their keys follow their columns."""
    column = export.time_column
    rows = matching.filter(**{f"{column}__gte": place.start, f"{column}__lt": place.high})
    if place.after:
        _, values = decode_cursor(place.after, rows.model, export.keyset)
        # The time by itself, too: the planner leaves out partitions by it, which a comparison of rows doesn't let it.
        rows = rows_beyond(
            rows.filter(**{f"{column}__lte": values[0]}), export.keyset, values, backwards=False
        )
    ordered = rows.order_by(*[f"-{name}" for name in export.keyset])
    with transaction.atomic():
        limit_statements(PATIENCE_SECONDS)
        return list(ordered.values_list(*export.columns.values(), *export.keyset)[: place.batch + 1])


def _next(
    export: Export, place: Place, found: Sequence[tuple[Any, ...]], seconds: float
) -> tuple[Place, datetime]:
    """Where to go on, and the time that was reached."""
    if len(found) > place.batch:
        key = found[place.batch - 1][len(export.columns) :]
        shorter = max(place.window / 2, SHORTEST_WINDOW)
        high = key[0] + timedelta(microseconds=1)
        return replace(place, high=high, window=shorter, after=encode_cursor(False, key)), key[0]
    window = place.window
    if seconds > SLOW_SECONDS:
        window = max(window / 2, SHORTEST_WINDOW)
    elif seconds < QUICK_SECONDS and len(found) < place.batch / 2:
        window = min(window * 2, LONGEST_WINDOW)
    return replace(place, high=place.start, window=window, after=""), place.start


def _after_timeout(place: Place, error: OperationalError) -> Place:
    """A shorter window, where reading took too long and it can be shorter. Raises the error again for all else."""
    if not isinstance(error.__cause__, QueryCanceled) or place.window <= SHORTEST_WINDOW:
        raise error
    return replace(place, window=max(place.window / 4, SHORTEST_WINDOW))


def _head(export: Export, file_format: str) -> str:
    return csv_lines([list(export.columns)]) if file_format == "csv" else ""


def _lines(export: Export, file_format: str, found: Sequence[tuple[Any, ...]]) -> str:
    names = list(export.columns)
    converted = [(names.index(name), convert) for name, convert in export.converted.items()]
    rows = []
    for keyed in found:
        row = [_plain(value) for value in keyed[: len(names)]]
        for position, convert in converted:
            if row[position] is not None:
                row[position] = convert(row[position])
        rows.append(row)
    if file_format == "csv":
        return csv_lines(rows)
    return "".join(json_object(names, row) + "\n" for row in rows)


def _plain(value: Any) -> Any:
    """JSON has no numbers for infinities and NaN: they are written as the API writes them."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"
    return value
