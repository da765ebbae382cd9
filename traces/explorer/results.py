"""The list of traces that a search finds, newest first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from projects.keyset import InvalidCursor, decode_cursor, encode_cursor, page_of
from projects.pages.page import Problem
from storage.day_slices import day_slice_sql, slices_between
from traces.explorer.sampling import reach
from traces.models import Span

KEY = ("start_time", "trace_id", "span_id")
NEARBY = timedelta(hours=1)
"""Spans of a trace are looked for within this time around the one that was found: a look-up at any time costs 96
descents a trace and day."""


@dataclass(frozen=True, slots=True)
class Summary:
    """A trace in one line. `service_name` and `operation_name` are those of its first span."""

    service_name: str
    operation_name: str
    start_time: datetime
    duration_ms: float
    span_count: int
    error_count: int


@dataclass(frozen=True, slots=True)
class FoundTrace:
    """A span of a trace that matches, how many others of the page do, and the trace as a whole.

    The span is the trace's first, where that matches, else the newest.
    """

    span: Span
    more_matches: int
    summary: Summary

    @property
    def is_whole(self) -> bool:
        """Whether the span is what the trace begins with."""
        return self.span.parent_span_id is None


@dataclass(frozen=True, slots=True)
class Found:
    """One page. `searched_to`: where the search ended for having read enough, with the cursor that goes on."""

    traces: Sequence[FoundTrace]
    older_cursor: str | None
    searched_to: datetime | None = None


def search(spans: QuerySet[Span], matches: QuerySet[Span], cursor: str | None, size: int) -> Found:
    """The newest matches by trace, or those after the cursor. Raises Problem for a cursor that nobody gave.

    `matches` are those of `spans` that are searched for; at most the newest 100,000 of `spans` are read.
    """
    try:
        if cursor:
            spans = spans.filter(start_time__lte=decode_cursor(cursor, Span, KEY)[1][0])
        edge = reach(spans)
        reachable = matches.filter(start_time__gte=edge) if edge else matches
        page = page_of(reachable.defer("tags", "events", "links"), KEY, cursor, size)
    except InvalidCursor:
        raise Problem("This page of the list is not there. Search again.") from None
    traces = _by_trace(page.rows)
    if page.next_cursor is None and edge:
        return Found(traces, encode_cursor(False, [edge, "", ""]), edge)
    return Found(traces, page.next_cursor)


def _by_trace(spans: Sequence[Span]) -> list[FoundTrace]:
    counts = Counter(span.trace_id for span in spans)
    telling: dict[str, Span] = {}
    for span in spans:
        if span.parent_span_id is None:
            telling[span.trace_id] = span
        telling.setdefault(span.trace_id, span)
    summaries = summaries_of(list(telling.values()))
    return [
        FoundTrace(span, counts[trace_id] - 1, summaries[trace_id])
        for trace_id, span in telling.items()
        if trace_id in summaries
    ]


def summaries_of(spans: Sequence[Span]) -> Mapping[str, Summary]:
    """The traces of spans of one project by their id; counted is what began within an hour around the span."""
    if not spans:
        return {}
    slices: set[int] = set()
    for span in spans:
        slices |= slices_between(span.start_time - NEARBY, span.start_time + NEARBY)
    parameters: dict[str, Any] = {
        "project_id": spans[0].project_id,
        "start": min(span.start_time for span in spans) - NEARBY,
        "end": max(span.start_time for span in spans) + NEARBY,
        "slices": sorted(slices),
        "trace_ids": [span.trace_id for span in spans],
    }
    with connection.cursor() as cursor:
        cursor.execute(_SUMMARIES, parameters)
        return {trace_id: _summary(values) for trace_id, *values in cursor.fetchall()}


def _summary(row: Sequence[Any]) -> Summary:
    service_name, operation_name, start, end_epoch_ms, span_count, error_count = row
    return Summary(
        service_name=service_name,
        operation_name=operation_name,
        start_time=start,
        # As a double exact to a quarter of a microsecond; as an interval a broken clock would make it overflow.
        duration_ms=max(end_epoch_ms - start.timestamp() * 1000, 0.0),
        span_count=span_count,
        error_count=error_count,
    )


_SUMMARIES = f"""
    SELECT trace_id,
           (array_agg(service_name ORDER BY parent_span_id IS NOT NULL, start_time, span_id))[1],
           (array_agg(operation_name ORDER BY parent_span_id IS NOT NULL, start_time, span_id))[1],
           min(start_time), max(date_part('epoch', start_time) * 1000 + duration_ms),
           count(*), count(*) FILTER (WHERE status = 'error')
    FROM traces
    WHERE project_id = %(project_id)s AND start_time >= %(start)s AND start_time < %(end)s
      AND {day_slice_sql("start_time")} = ANY(%(slices)s) AND trace_id = ANY(%(trace_ids)s)
    GROUP BY trace_id"""
