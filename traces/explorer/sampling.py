"""Searches that end: each reads a bounded number of the newest spans, whatever is searched for.

Spans have no index by service or attribute (each would cost ingest more than searches gain), so a filter that matches
little would read the whole range. How far a number of spans reaches back is read from the key's index alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from django.db.models import IntegerField, QuerySet, Value

from projects.pages.time_range import TimeRange
from traces.models import Span

READ_AT_MOST = 100_000
SLICES, DOTS_PER_SLICE = 24, 30
READ_PER_SLICE = READ_AT_MOST // SLICES


@dataclass(frozen=True, slots=True)
class Dot:
    """A span in the picture of durations over time."""

    start_time: datetime
    duration_ms: float
    status: str
    trace_id: str
    service_name: str
    operation_name: str

    @property
    def is_error(self) -> bool:
        return self.status == "error"


@dataclass(frozen=True, slots=True)
class Sample:
    """`is_whole`: nothing that matches is missing; `is_read_in_part`: not every span was looked at for it."""

    dots: Sequence[Dot]
    is_whole: bool
    is_read_in_part: bool = False


_DOT = tuple(field.name for field in fields(Dot))


def reach(spans: QuerySet[Span]) -> datetime | None:
    """The start of the oldest of the newest 100,000 spans, which a search reads; None where there are fewer."""
    starts = spans.order_by("-start_time").values_list("start_time", flat=True)
    return starts[READ_AT_MOST - 1 : READ_AT_MOST].first()


def slices_of(time_range: TimeRange, count: int = SLICES) -> list[tuple[datetime, datetime]]:
    """The range in stretches of equal length."""
    length = time_range.length / count
    starts = [time_range.start + number * length for number in range(count)]
    return list(zip(starts, [*starts[1:], time_range.end], strict=True))


def sample(spans: QuerySet[Span], matches: QuerySet[Span], time_range: TimeRange) -> Sample:
    """The newest matches of each stretch of the range, so that a busy minute does not hide the rest.

    `matches` are those of `spans` that are searched for. Two statements.
    """
    slices = list(enumerate(slices_of(time_range)))
    edges = _union(
        [
            _newest(spans, number, bounds, "start_time")[READ_PER_SLICE - 1 : READ_PER_SLICE]
            for number, bounds in slices
        ]
    )
    reached: dict[int, datetime] = dict(edges)
    rows = _union(
        [
            _newest(matches, number, (reached.get(number, start), end), *_DOT)[:DOTS_PER_SLICE]
            for number, (start, end) in slices
        ]
    )
    counts = [0] * SLICES
    for number, *_ in rows:
        counts[number] += 1
    is_whole = not reached and max(counts) < DOTS_PER_SLICE
    return Sample([Dot(*values) for _, *values in rows], is_whole, is_read_in_part=bool(reached))


def _newest(
    spans: QuerySet[Span], number: int, bounds: tuple[datetime, datetime], *columns: str
) -> QuerySet[Span, Any]:
    """Columns of the spans between two moments, the newest first, each with the number of the stretch."""
    inside = spans.filter(start_time__gte=bounds[0], start_time__lt=bounds[1])
    numbered = inside.annotate(slice=Value(number, output_field=IntegerField()))
    return numbered.order_by("-start_time").values_list("slice", *columns)


def _union(queries: Sequence[QuerySet[Span, Any]]) -> list[Any]:
    """One statement, each part with its own limit."""
    return list(queries[0].union(*queries[1:], all=True))
