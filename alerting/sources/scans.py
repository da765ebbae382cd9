"""SQL for one scan over a wide table that answers many rules: an aggregate with FILTER per distinct question.

Names and values of filters travel as parameters; only column names from our own lists are put into the text.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from django.db import connection

from alerting.sources.samples import Answer, LabelSet, label_set
from alerting.state import Sample
from storage.sql_pieces import Sql, joined

T = TypeVar("T")

MAX_AGGREGATES = 500
"""Distinct questions per scan: PostgreSQL allows 1,664 columns in a result."""

MAX_COLUMNS = 200
"""Distinct columns that tell rows apart for the questions of one scan; the same limit holds for what it groups by."""

MAX_GROUPS = 10_000
"""Label sets one scan brings into memory; more of them is a grouping by something that is hardly ever the same."""

Filters = tuple[tuple[str, str], ...]


class TooManyGroups(Exception):
    """A scan found more than MAX_GROUPS label sets; the text is for people."""

    def __init__(self) -> None:
        super().__init__(f"There are more than {MAX_GROUPS} label sets in the window: group by fewer labels.")


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns filters and group_by may name: plain ones as SQL giving text, JSON ones by their prefix.

    `unique` are columns that differ in (almost) every row: group_by may not name them.
    """

    plain: Mapping[str, str]
    json: Mapping[str, str]
    unique: frozenset[str]

    def sql(self, name: str) -> Sql:
        """The column as text, never null, because a missing label and an empty one are the same."""
        if name in self.plain:
            return Sql(f"coalesce({self.plain[name]}, '')")
        prefix, _, key = name.partition(".")
        return Sql(f"coalesce({self.json[prefix]} ->> %s, '')", (key,))

    def unknown(self, names: Iterable[str]) -> str:
        """A message naming the first name that is no column; empty when all are known."""
        for name in names:
            prefix, dot, key = name.partition(".")
            if name not in self.plain and not (dot and key and prefix in self.json):
                known = ", ".join([*self.plain, *(f"{prefix}.<key>" for prefix in self.json)])
                return f"{name!r} is not one of {known}."
        return ""

    def group_error(self, names: Iterable[str]) -> str:
        """A message about the first name that one can't group by; empty when there is none."""
        names = list(names)
        for name in names:
            if name in self.unique:
                return f"{name!r} differs in every row: there would be an alert for each."
        return self.unknown(names)

    def matches(self, filters: Filters) -> Sql:
        """All filters as one SQL condition; `true` without filters."""
        pieces = [(self.sql(name), value) for name, value in filters]
        text = " AND ".join(f"{piece.text} = %s" for piece, _ in pieces)
        return Sql(text or "true", tuple(p for piece, value in pieces for p in (*piece.parameters, value)))


def batches(asked: Iterable[T], columns_of: Callable[[T], Iterable[Hashable]]) -> Iterator[list[T]]:
    """What is asked in pieces of one scan each; a single question may need more columns than MAX_COLUMNS."""
    batch: list[T] = []
    columns: set[Hashable] = set()
    for one in asked:
        own = set(columns_of(one))
        if batch and (len(batch) == MAX_AGGREGATES or len(columns | own) > MAX_COLUMNS):
            yield batch
            batch, columns = [], set()
        batch.append(one)
        columns |= own
    if batch:
        yield batch


def any_of(conditions: Iterable[Sql]) -> Sql:
    """What some question counts, as a condition: label sets of nothing but other rows are never made."""
    pieces = list(conditions)
    if any(piece.text == "true" for piece in pieces):
        return Sql("true")
    return joined([Sql(f"({piece.text})", piece.parameters) for piece in pieces], " OR ")


def bounded_rows(scan: Sql) -> list[tuple[Any, ...]]:
    """The rows of a query, one per label set. Raises TooManyGroups, having read no more than a bounded number."""
    with connection.cursor() as cursor:
        cursor.execute(f"{scan.text} LIMIT %s", [*scan.parameters, MAX_GROUPS + 1])
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    if len(rows) > MAX_GROUPS:
        raise TooManyGroups
    return rows


def grouping(count: int) -> str:
    """GROUP BY the first `count` columns of the result; nothing for none."""
    return f"GROUP BY {', '.join(str(position + 1) for position in range(count))}" if count else ""


def answers_of(
    rows: Iterable[Sequence[Any]],
    group_by: tuple[str, ...],
    asked: Sequence[T],
    is_counted: Callable[[T], bool],
) -> dict[T, Answer]:
    """Rows of `(group values..., one aggregate per thing asked...)` as answers.

    A count of 0 in a group means that the rows there belong to other questions, as null does for other aggregates.
    """
    samples: dict[T, dict[LabelSet, Sample]] = {one: {} for one in asked}
    for row in rows:
        labels = label_set(zip(group_by, row, strict=False))
        for one, value in zip(asked, row[len(group_by) :], strict=True):
            if value is not None and not (is_counted(one) and value == 0):
                samples[one][labels] = Sample(float(value))
    return {one: Answer(found) for one, found in samples.items()}
