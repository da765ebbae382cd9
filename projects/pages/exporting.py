"""A table as a file: CSV for spreadsheets, JSON for programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.http import Http404, StreamingHttpResponse

CONTENT_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of plain values (text, numbers, times, lists, dicts, None) under their columns' names."""

    name: str
    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


def as_file(table: Table, kind: str, now: datetime) -> StreamingHttpResponse:
    """The table as a download named after it and the moment. 404 for a kind that isn't there."""
    if kind not in CONTENT_TYPES:
        raise Http404
    pieces = csv_pieces(table) if kind == "csv" else json_pieces(table)
    name = f"{table.name}-{now:%Y%m%dT%H%M%SZ}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Content-Type-Options": "nosniff"}
    return StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[kind], headers=headers)


def csv_pieces(table: Table) -> Iterator[str]:
    """RFC 4180, line by line; what a spreadsheet would take for a formula begins with an apostrophe."""
    yield csv_lines([table.columns])
    for row in table.rows:
        yield csv_lines([row])


def json_pieces(table: Table) -> Iterator[str]:
    """A list of objects, row by row."""
    yield "["
    for number, row in enumerate(table.rows):
        yield (",\n" if number else "\n") + json_object(table.columns, row)
    yield "\n]\n"


def csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    """Rows, each with its line end."""
    written = io.StringIO()
    csv.writer(written).writerows([_csv_cell(value) for value in row] for row in rows)
    return written.getvalue()


def json_object(columns: Sequence[str], row: Sequence[Any]) -> str:
    """One row, on one line and without a line end. JSON knows no infinity: such numbers are null."""
    finite = [None if isinstance(value, float) and not math.isfinite(value) else value for value in row]
    return json.dumps(dict(zip(columns, finite, strict=True)), default=_text, ensure_ascii=False)


def _csv_cell(value: Any) -> Any:
    if value is None or isinstance(value, int | float):
        return value
    text = (
        json.dumps(value, default=_text, ensure_ascii=False)
        if isinstance(value, dict | list)
        else _text(value)
    )
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
