"""Indexes on random ids whose writes stay in one place: keyed by the quarter of an hour of the record's time first.

An index on a random id alone makes nearly every row of a big partition the first to touch its page after a checkpoint:
350 whole pages go to the log for 1,000 rows. With the slice of the day before the id, only the running quarter's pages
are written. A look-up names all 96 slices: as many descents a partition, some 30 ms over 97 partitions with 25 M rows.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

from django.db import models
from django.db.models import QuerySet
from django.db.models.lookups import In

RowT = TypeVar("RowT", bound=models.Model)

SLICE_SECONDS = 900
MAX_SAME_ID = 1000
"""More than the planner expects to find, so that it compares what finding all of them costs."""

_SLICES = range(86_400 // SLICE_SECONDS)


def day_slice_sql(time_column: str) -> str:
    """The slice of the UTC day as indexes have it. A zone as interval costs half of one by name."""
    seconds = f"date_part('epoch', {time_column} AT TIME ZONE INTERVAL '0')::bigint"
    return f"(mod({seconds} / {SLICE_SECONDS}, {len(_SLICES)})::smallint)"


def slices_between(start: datetime, end: datetime) -> set[int]:
    """The slices that a stretch of time touches, for look-ups that know roughly when."""
    first, last = (int(moment.timestamp()) // SLICE_SECONDS for moment in (start, end))
    return {number % len(_SLICES) for number in range(first, min(last, first + len(_SLICES)) + 1)}


def in_any_slice(rows: QuerySet[RowT, RowT], time_column: str) -> QuerySet[RowT, RowT]:
    """The same rows; names all slices, so that an index keyed by the slice first serves what is filtered beside it."""
    return rows.filter(In(_DaySlice(time_column), _SLICES))


def newest(rows: QuerySet[RowT, RowT], time_column: str) -> RowT | None:
    """The newest of rows found by a random id.

    Not by ORDER BY and LIMIT 1: over many partitions the planner would rather walk all rows from the newest on until it
    meets one, and there may be none.
    """
    found = list(rows.order_by()[:MAX_SAME_ID])
    if len(found) == MAX_SAME_ID:
        return rows.order_by(f"-{time_column}").first()
    return max(found, key=lambda row: getattr(row, time_column), default=None)


def is_any(rows: QuerySet[RowT, RowT]) -> bool:
    """Whether there are rows with a random id; for the reason of `newest` not by EXISTS."""
    return bool(rows.order_by().values_list("pk")[:MAX_SAME_ID])


class _DaySlice(models.Func):
    output_field = models.SmallIntegerField()

    def __init__(self, time_column: str, **extra: Any) -> None:
        super().__init__(time_column, **extra)

    template = day_slice_sql("%(expressions)s")
