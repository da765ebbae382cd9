"""Events and spans of a period, added up by SQL over pieces of time that every window is made of.

So counts stay exact, and a busy day is some thousand rows. Durations can't be added up: these spans come one by one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from alerting.backtest.errors import TooMuch
from alerting.replay.scans import Columns, EventCount, SpanRow
from alerting.sources import events as event_source
from alerting.sources import spans as span_source
from alerting.sources.events import Mark
from alerting.sources.samples import Question
from alerting.sources.scans import any_of, grouping
from analytics.matchers import Filter, condition
from storage.sql_pieces import Sql, joined

MAX_ROWS = 300_000
"""Rows in memory at once: about 100 MB."""
MAX_COLUMNS = 1500
"""What tells records apart for all rules of a backtest: PostgreSQL allows 1,664 columns in a result."""


@dataclass(frozen=True, slots=True)
class Buckets:
    """`(start, end]` of a project in pieces of `length`, each with its end inside; cut once more where hours end."""

    project_id: int
    start: datetime
    end: datetime
    length: timedelta

    def end_of(self, time: str) -> Sql:
        """The end of the piece that a row lies in, in Unix seconds. Whole hours end a microsecond early."""
        return Sql(
            f"""extract(epoch FROM least(
                date_bin(%s, {time} - interval '1 microsecond', %s) + %s,
                date_trunc('hour', {time}, 'UTC') + interval '1 hour' - interval '1 microsecond'))::float8""",
            (self.length, self.start, self.length),
        )


@dataclass(frozen=True, slots=True)
class _Table:
    name: str
    time: str
    records: str


_EVENTS = _Table("telemetry_events", "event_timestamp", "events")
_SPANS = _Table("traces", "start_time", "spans")


def events(buckets: Buckets, questions: Collection[Question]) -> Iterator[EventCount]:
    """What the questions count. Raises django.db.Error, TooMuch."""
    if not questions:
        return iter(())
    matchers = dict.fromkeys(question.matcher for question in questions)
    names = dict.fromkeys(name for question in questions for name in question.group_by)
    marks: list[Mark] = list(dict.fromkeys([*names, *event_source.marks_of(matchers)]))
    _check_width(marks)
    columns = map(event_source.mark_sql, marks)
    selected = joined([buckets.end_of(_EVENTS.time), *columns, Sql("count(*)")])
    rows = _read(_EVENTS, buckets, any_of(map(condition, matchers)), selected, grouping(1 + len(marks)))
    return (_event_count(at, count, marks, values) for at, *values, count in rows)


def _event_count(at: float, count: int, marks: Sequence[Mark], values: Sequence[Any]) -> EventCount:
    marked = [(mark, value) for mark, value in zip(marks, values, strict=True) if value]
    texts = sorted((mark, value) for mark, value in marked if isinstance(mark, str))
    return EventCount(
        at, count, tuple(texts), frozenset(mark for mark, _ in marked if isinstance(mark, Filter))
    )


def spans(buckets: Buckets, questions: Collection[Question]) -> Iterator[SpanRow]:
    """Counts where only those are asked for, else each span with its duration. Raises django.db.Error, TooMuch."""
    if not questions:
        return iter(())
    names = _columns_of(questions)
    if any(question.metric == "error_ratio" for question in questions):
        names = list(dict.fromkeys([*names, "status"]))
    _check_width(names)
    columns = map(span_source.COLUMNS.sql, names)
    matching = any_of(map(span_source.COLUMNS.matches, dict.fromkeys(one.filters for one in questions)))
    if all(map(_is_counted, questions)):
        selected = joined([buckets.end_of(_SPANS.time), *columns, Sql("count(*)")])
        rows = _read(_SPANS, buckets, matching, selected, grouping(1 + len(names)))
        return (SpanRow(at, 0, _labels(names, texts), count) for at, *texts, count in rows)
    at_second = Sql(f"extract(epoch FROM {_SPANS.time})::float8")
    rows = _read(_SPANS, buckets, matching, joined([at_second, *columns, Sql("duration_ms")]))
    return (SpanRow(at, duration, _labels(names, texts)) for at, *texts, duration in rows)


def _is_counted(question: Question) -> bool:
    return question.metric == "error_ratio" or span_source.is_counted(question.metric, question.aggregation)


def _columns_of(questions: Collection[Question]) -> list[str]:
    """Every column that some question groups or filters by."""
    filters = (name for question in questions for name, _ in question.filters)
    grouped = (name for question in questions for name in question.group_by)
    return sorted({*filters, *grouped})


def _check_width(columns: Sequence[object]) -> None:
    if len(columns) > MAX_COLUMNS:
        raise TooMuch(
            f"These rules tell records apart by {len(columns):,} columns and conditions, and {MAX_COLUMNS:,} is the "
            "most: name fewer rules."
        )


def _labels(names: Sequence[str], texts: Sequence[str]) -> Columns:
    return tuple((name, text) for name, text in zip(names, texts, strict=True) if text)


def _read(
    table: _Table, buckets: Buckets, matching: Sql, selected: Sql, group: str = ""
) -> list[tuple[Any, ...]]:
    bounds = (buckets.project_id, buckets.start, buckets.end)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT {selected.text} FROM {table.name}
                WHERE project_id = %s AND {table.time} > %s AND {table.time} <= %s AND ({matching.text})
                {group} LIMIT %s""",
            [*selected.parameters, *bounds, *matching.parameters, MAX_ROWS + 1],
        )
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    if len(rows) > MAX_ROWS:
        raise TooMuch(
            f"This period has more than {MAX_ROWS:,} different {table.records} to look at: take a shorter one, "
            "filter more, or group by fewer columns."
        )
    return rows
