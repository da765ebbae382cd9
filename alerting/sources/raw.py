"""Single records instead of aggregates: what a person looks at who asks why an alert fired."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NotRequired, TypedDict

from django.db import connection

from alerting.sources import business_metrics, spans
from alerting.sources.metric_points import series_named
from alerting.sources.samples import EVERY_LABEL, Window
from alerting.sources.scans import Filters
from analytics.matchers import EVERY_EVENT, Filter, Matcher, condition
from storage.sql_pieces import Sql

MAX_SERIES = 1_000
"""So many series are looked through for the newest points; the rest of a wider rule only adds more of the same."""

MAX_PERIODS = 1_000
"""Business metrics are matched in memory, as there is no index of their labels."""


@dataclass(frozen=True, slots=True)
class RawQuestion:
    """Which records of a source a rule looks at: events by `matcher`, all others by `filters`.

    `metric` is empty where the source has none.
    """

    source: str
    metric: str
    filters: Filters
    group_by: tuple[str, ...]
    window_seconds: float
    matcher: Matcher = EVERY_EVENT

    def filters_of(self, labels: Mapping[str, str]) -> Filters:
        """The filters and the label set of one alert together; a label that it lacks has to be missing.

        Of events what all of them have in common, which is less than the matcher asks.
        """
        asked = (*self.filters, *self.matcher.equalities.items())
        if self.group_by == EVERY_LABEL:
            return (*asked, *sorted(labels.items()))
        return (*asked, *((name, labels.get(name, "")) for name in self.group_by))

    def condition_of(self, labels: Mapping[str, str]) -> Sql:
        """The rows of events that count for one alert."""
        own = (Filter(name, "equals", (labels.get(name, ""),)) for name in self.group_by)
        return condition(self.matcher.both(Matcher(filters=tuple(own))))


class RawRecord(TypedDict):
    """A metric point or period (value, labels), an event (id, name, type, trace) or a span (ids, names, duration).

    `at` is the record's own time in RFC 3339. A value that JSON can't write (NaN, infinity) is text.
    """

    at: str
    value: NotRequired[float | str | None]
    labels: NotRequired[dict[str, str]]
    series_id: NotRequired[str]
    metric: NotRequired[str]
    id: NotRequired[str]
    event_name: NotRequired[str]
    event_type: NotRequired[str]
    user_id: NotRequired[str | None]
    trace_id: NotRequired[str | None]
    span_id: NotRequired[str]
    service_name: NotRequired[str]
    operation_name: NotRequired[str]
    duration_ms: NotRequired[float]
    status: NotRequired[str]


def newest(
    window: Window, question: RawQuestion, labels: Mapping[str, str], limit: int
) -> Sequence[RawRecord]:
    """The newest records in the window that count for this label set, newest first. Raises django.db.Error."""
    filters = question.filters_of(labels)
    match question.source:
        case "telemetry_event":
            return _events(window, question.condition_of(labels), limit)
        case "trace":
            # Of an error ratio the errors are what one wants to see.
            errors = (("status", "error"),) if question.metric == "error_ratio" else ()
            return _spans(window, (*filters, *errors), limit)
        case "business_metric":
            return _periods(window, question.metric, filters, limit)
        case _:
            return _points(window, question.metric, filters, limit)


def _points(window: Window, metric: str, filters: Filters, limit: int) -> list[RawRecord]:
    chosen = series_named(window.project_id, [metric]).select(metric, filters)[:MAX_SERIES]
    by_key = {one.key: one for one in chosen}
    rows = _rows(
        """SELECT series_id, "timestamp", CASE WHEN stale THEN NULL ELSE value END, stale FROM metric_points
           WHERE series_id = ANY(%s) AND "timestamp" > %s AND "timestamp" <= %s
           ORDER BY "timestamp" DESC, series_id LIMIT %s""",
        [list(by_key), window.start, window.end, limit],
    )
    return [
        RawRecord(
            at=_text(at),
            value="stale" if is_stale else _number(value),
            metric=metric,
            labels=dict(by_key[key].labels),
            series_id=str(key),
        )
        for key, at, value, is_stale in rows
    ]


def _periods(window: Window, metric: str, filters: Filters, limit: int) -> list[RawRecord]:
    """Periods of a business metric, dated by their end."""
    rows = _rows(
        f"""SELECT {business_metrics.LABEL_COLUMNS}, id, period_end, metric_value FROM business_metrics
            WHERE project_id = %s AND metric_name = %s AND period_end > %s AND period_end <= %s
            ORDER BY period_end DESC, id LIMIT %s""",
        [window.project_id, metric, window.start, window.end, MAX_PERIODS],
    )
    found: list[RawRecord] = []
    for *columns, pk, at, value in rows:
        series = business_metrics.series_of(0, columns)
        if all((series.label(name) or "") == text for name, text in filters):
            labels = dict(series.labels)
            found.append(
                RawRecord(at=_text(at), value=_number(value), metric=metric, labels=labels, id=str(pk))
            )
    return found[:limit]


def _events(window: Window, matches: Sql, limit: int) -> list[RawRecord]:
    rows = _matching(
        "SELECT event_timestamp, id, event_name, event_type, user_id, trace_id FROM telemetry_events",
        window,
        matches,
        order=("event_timestamp", "id"),
        limit=limit,
    )
    return [
        RawRecord(
            at=_text(at), id=str(pk), event_name=name, event_type=kind, user_id=user_id, trace_id=trace_id
        )
        for at, pk, name, kind, user_id, trace_id in rows
    ]


def _spans(window: Window, filters: Filters, limit: int) -> list[RawRecord]:
    rows = _matching(
        "SELECT start_time, trace_id, span_id, service_name, operation_name, duration_ms, status FROM traces",
        window,
        spans.COLUMNS.matches(filters),
        order=("start_time", "trace_id"),
        limit=limit,
    )
    return [
        RawRecord(
            at=_text(at),
            trace_id=trace_id,
            span_id=span_id,
            service_name=service,
            operation_name=operation,
            duration_ms=duration_ms,
            status=status,
        )
        for at, trace_id, span_id, service, operation, duration_ms, status in rows
    ]


def _matching(
    select: str, window: Window, matches: Sql, *, order: tuple[str, str], limit: int
) -> list[tuple[Any, ...]]:
    """In the order of the physical key, so that a busy window is read from its end until there are enough."""
    time, tie = order
    return _rows(
        f"""{select} WHERE project_id = %s AND {time} > %s AND {time} <= %s AND {matches.text}
            ORDER BY {time} DESC, {tie} DESC LIMIT %s""",
        [window.project_id, window.start, window.end, *matches.parameters, limit],
    )


def _rows(sql: str, parameters: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _text(at: datetime) -> str:
    return at.isoformat()


def _number(value: float | None) -> float | str | None:
    return value if value is None or math.isfinite(value) else str(value)
