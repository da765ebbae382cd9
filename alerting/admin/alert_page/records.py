"""Records behind an alert: examples of its minute, whom it concerns, and what they have in common.

Of many records the newest are looked at, so that an alert over millions of events opens as fast as one over ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from django.db import connection

from alerting.admin.alert_page.case import Case
from alerting.sources import events, spans
from alerting.sources.samples import text_of
from alerting.sources.scans import Columns, Filters
from projects.pages.time_range import TimeRange
from storage.sql_pieces import Sql, joined

LOOKED_AT = 10_000
"""Newest records of which the examples are the worst."""

LISTED = 5
WITH_TRACES = 100
"""Newest events whose traces are looked at."""

SAMPLE = 5_000
"""Newest records whose fields are compared: each is decoded."""

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(minutes=15)
FIRST = timedelta(hours=1)
"""Of an alert that lasts longer, this much is looked at: rare records are found by reading all others."""

STANDS_OUT_RATIO = 0.5
LEAST_SAMPLE = 4
MOST_STANDING_OUT = 4
MAX_VALUE = 200

EVENTS, TRACES = "telemetry_event", "trace"


@dataclass(frozen=True, slots=True)
class TraceExample:
    trace_id: str
    service: str
    operation: str
    duration_ms: float
    is_error: bool
    http_status: int | None
    at: datetime


@dataclass(frozen=True, slots=True)
class EventExample:
    id: str
    name: str
    kind: str
    user_id: str
    trace_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Examples:
    """`traces_are` and `events_are` say how they were chosen, in words; `*_filters` find more of them."""

    traces: Sequence[TraceExample]
    events: Sequence[EventExample]
    traces_are: str
    events_are: str
    time: TimeRange
    trace_filters: Mapping[str, str]
    event_filters: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Common:
    """A value that stands out among the records: it is in `ratio` of them."""

    name: str
    value: str
    ratio: float


@dataclass(frozen=True, slots=True)
class Impact:
    """Of the records that the rule matched, from one of its windows before the moment on.

    `is_cut`: only the newest were looked at. `is_first`: only those up to an hour after the moment were.
    """

    source: str
    record_count: int
    user_count: int
    tenant_count: int
    common: Sequence[Common]
    time: TimeRange
    filters: Mapping[str, str]
    is_cut: bool
    is_first: bool


def examples(case: Case) -> Examples:
    """Two queries: the newest events, and the worst traces, of the time that the rule looked at."""
    project_id = case.alert.project_id
    time = TimeRange(case.moment - case.time_before(SHORTEST, LONGEST), case.moment + timedelta(seconds=1))
    event_filters, events_are = _event_filters(case)
    matching = case.event_condition() or events.COLUMNS.matches(event_filters)
    found = _events(project_id, matching, time)
    trace_filters, traces_are = _trace_filters(case)
    ids = sorted({one.trace_id for one in found if one.trace_id})
    if ids and case.source == EVENTS:
        # A trace may have begun well before its event.
        began = TimeRange(time.start - LONGEST, time.end)
        traces, traces_are = _traces(project_id, Sql("trace_id = ANY(%s)", (ids,)), began), "of these events"
    else:
        traces = _traces(project_id, spans.COLUMNS.matches(trace_filters), time)
    return Examples(
        traces=traces,
        events=found[:LISTED],
        traces_are=traces_are,
        events_are=events_are,
        time=time,
        trace_filters=_named(trace_filters),
        event_filters=_named(event_filters),
    )


def impact(case: Case, now: datetime) -> Impact | None:
    """None where the rule is over neither events nor spans."""
    if case.source not in {EVENTS, TRACES}:
        return None
    filters = case.record_filters(case.source) or ()
    if getattr(case.condition, "metric", "") == "error_ratio":
        # Who was well served is not affected.
        filters = (*filters, ("status", "error"))
    start = case.moment - case.time_before(SHORTEST, LONGEST)
    end = min(case.alert.resolved_at or now, now)
    time = TimeRange(start, min(end, case.moment + FIRST))
    matching = case.event_condition() or spans.COLUMNS.matches(filters)
    rows = _sample(case.source, case.alert.project_id, matching, time)
    return Impact(
        source=case.source,
        record_count=len(rows),
        user_count=len({row[0] for row in rows if row[0]}),
        tenant_count=len({row[1] for row in rows if row[1]}),
        common=common(rows, _FIELDS[case.source], known={name for name, _ in filters}),
        time=time,
        filters=_named(filters),
        is_cut=len(rows) == SAMPLE,
        is_first=time.end < end,
    )


def _event_filters(case: Case) -> tuple[Filters, str]:
    found = case.record_filters(EVENTS)
    if found is not None:
        return found, "that the rule counts"
    service = case.clues.get("service_name", "")
    errors: Filters = (("severity", "error"),)
    return (*errors, *((("source", service),) if service else ())), f"errors {_of(service)}"


def _trace_filters(case: Case) -> tuple[Filters, str]:
    """By the rule's own filters, else by the service, else whatever went wrong at the time."""
    found = case.record_filters(TRACES)
    if found is not None:
        return found, "worst that the rule looks at"
    service = case.clues.get("service_name", "")
    if service:
        return (("service_name", service),), f"worst {_of(service)}"
    return (("status", "error"),), f"worst with errors {_of('')}"


def _of(service: str) -> str:
    return f"of {service}" if service else "of the project"


def _named(filters: Filters) -> dict[str, str]:
    """As an explorer takes them. It can't ask for what is missing."""
    return {name: value for name, value in filters if value}


def _traces(project_id: int, matches: Sql, time: TimeRange) -> list[TraceExample]:
    """Errors first, then the slowest; one span of each trace."""
    rows = _rows(
        f"""SELECT trace_id, service_name, operation_name, duration_ms, status = 'error', http_status_code, start_time
            FROM (
                SELECT trace_id, service_name, operation_name, duration_ms, status, http_status_code, start_time
                FROM traces
                WHERE project_id = %s AND start_time > %s AND start_time <= %s AND {matches.text}
                ORDER BY start_time DESC LIMIT {LOOKED_AT}
            ) AS newest
            ORDER BY (status = 'error') DESC, duration_ms DESC LIMIT 100""",
        [project_id, time.start, time.end, *matches.parameters],
    )
    found: dict[str, TraceExample] = {}
    for row in rows:
        found.setdefault(row[0], TraceExample(*row))
    return list(found.values())[:LISTED]


def _events(project_id: int, matches: Sql, time: TimeRange) -> list[EventExample]:
    rows = _rows(
        f"""SELECT id::text, event_name, coalesce(event_type, ''), coalesce(user_id, ''), coalesce(trace_id, ''),
                   event_timestamp
            FROM telemetry_events
            WHERE project_id = %s AND event_timestamp > %s AND event_timestamp <= %s AND {matches.text}
            ORDER BY event_timestamp DESC, id DESC LIMIT {WITH_TRACES}""",
        [project_id, time.start, time.end, *matches.parameters],
    )
    return [EventExample(*row) for row in rows]


_FIELDS = {
    EVENTS: ("tenant_id", "event_name", "source", "event_category"),
    TRACES: ("service_name", "operation_name", "http_status_code"),
}
_TABLES: Mapping[str, tuple[str, str, Columns, str]] = {
    EVENTS: (
        "telemetry_events",
        "event_timestamp",
        events.COLUMNS,
        "coalesce(user_id, anonymous_id), tenant_id",
    ),
    TRACES: ("traces", "start_time", spans.COLUMNS, "user_id, NULL"),
}
"""Table, its time, its columns, and SQL that names user and tenant."""


def _sample(source: str, project_id: int, matches: Sql, time: TimeRange) -> list[tuple[Any, ...]]:
    """(user, tenant, the fields, tags) of the newest matching records."""
    table, at, columns, who = _TABLES[source]
    fields: Sql = joined([columns.sql(name) for name in _FIELDS[source]])
    rows = _rows(
        f"""SELECT {who}, {fields.text}, tags FROM {table}
            WHERE project_id = %s AND {at} > %s AND {at} <= %s AND {matches.text}
            ORDER BY {at} DESC LIMIT {SAMPLE}""",
        [*fields.parameters, project_id, time.start, time.end, *matches.parameters],
    )
    return [(*values, msgspec.json.decode(tags or "{}")) for *values, tags in rows]


def common(rows: Sequence[tuple[Any, ...]], fields: Sequence[str], known: Iterable[str]) -> list[Common]:
    """Values that at least half of the records share, most frequent first; not those that the rule asks for."""
    if len(rows) < LEAST_SAMPLE:
        return []
    counts: Counter[tuple[str, str]] = Counter()
    for _, _, *values, tags in rows:
        counts.update((name, value) for name, value in zip(fields, values, strict=True) if value)
        if isinstance(tags, Mapping):
            # As filters compare them; what is nested can't be asked for.
            counts.update(
                (f"tags.{name}", text_of(value))
                for name, value in tags.items()
                if isinstance(value, str | int | float)
            )
    asked = set(known)
    shared = [
        Common(name, value, number / len(rows))
        for (name, value), number in counts.most_common(50)
        if number / len(rows) >= STANDS_OUT_RATIO and name not in asked and len(value) <= MAX_VALUE
    ]
    return shared[:MOST_STANDING_OUT]


def _rows(sql: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows
