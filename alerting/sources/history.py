"""Weeks of telemetry by the hour: from roll-ups where they hold what is asked, else from raw rows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

import events.queries
import events.rollups
import traces.queries
import traces.rollups
from alerting.sources import business_metrics, metric_points, spans
from alerting.sources import events as event_source
from alerting.sources.aggregates import SeriesWindow, combine
from alerting.sources.reading import Hourly
from alerting.sources.samples import LabelSet, Question, Window, label_set
from alerting.sources.scans import MAX_GROUPS, Columns, Filters, TooManyGroups, grouping
from alerting.sources.series import LabelIndex
from analytics.matchers import condition, matches
from metrics import charting
from storage.rollups import summaries
from storage.rollups.summaries import Group
from storage.rollups.windows import Window as Buckets
from storage.sql_pieces import Sql, joined

HOUR = timedelta(hours=1)
MAX_ROWS = 100 * MAX_GROUPS
"""Values of one question in memory: a grouping with more is by something that is hardly ever the same."""

_COUNT = Sql("count(*)")
_COUNTS = {"event_count", "span_count", "error_count"}
_ERROR = ("status", "error")
# Windows leave their start out and have their end inside; hours have it the other way round.
_TICK = timedelta(microseconds=1)

Values = dict[LabelSet, dict[datetime, float]]


def hourly(source: str, window: Window, questions: Sequence[Question]) -> dict[int, Hourly]:
    """As `Sources.hourly`; equal questions are answered once. Raises django.db.Error, TooManyGroups."""
    answers: dict[Question, Hourly] = {}
    for question in questions:
        plain = question.without_rule
        if plain not in answers:
            answers[plain] = _answer(source, window, plain)
    return {question.rule_id: answers[question.without_rule] for question in questions}


def _answer(source: str, window: Window, question: Question) -> Hourly:
    match source:
        case "telemetry_event":
            return _of_events(window, question)
        case "trace":
            return _of_spans(window, question)
        case "system_metric":
            return _of_points(window, question)
        case _:
            return _of_business_metrics(window, question)


def _of_events(window: Window, question: Question) -> Hourly:
    groups = _added_up_events(window, question)
    if groups is None:
        return _raw(_EVENTS, window, question, condition(question.matcher), _COUNT)
    return _values(groups, question.group_by, "event_count", _buckets(window))


def _added_up_events(window: Window, question: Question) -> list[Group] | None:
    """The groups of roll-ups that match; None where these don't know what is asked.

    What one text decides is left to the database. Alternatives and parts of texts are looked for among finer groups,
    for which all of these have to be there.
    """
    matcher = question.matcher
    asked = {one.column: None for one in matcher.plain_filters}
    if not {*question.group_by, *asked} <= set(events.rollups.DIMENSIONS):
        return None
    known = {
        one.column: one.texts[0]
        for one in (*matcher.named, *matcher.filters)
        if one.operator == "equals" and len(one.texts) == 1 and one.texts[0]
    }
    group_by = tuple(dict.fromkeys([*question.group_by, *(name for name in asked if name not in known)]))
    groups = events.queries.summary(
        summaries.Question(
            project_id=window.project_id,
            window=_buckets(window),
            group_by=group_by,
            filters=known,
            measures=["event_count"],
            limit=MAX_GROUPS + 1,
        )
    )
    if len(groups) > MAX_GROUPS:
        if asked.keys() <= known.keys():
            raise TooManyGroups
        return None
    return [group for group in groups if matches(matcher, {**known, **group.dimensions})]


def _of_spans(window: Window, question: Question) -> Hourly:
    filters = tuple(one for one in question.filters if one != _ERROR)
    measure = _span_measure(question, is_errors_only=len(filters) < len(question.filters))
    if not measure or not _is_added_up(filters, question.group_by, traces.rollups.DIMENSIONS):
        asked = (question.metric, question.aggregation, ())
        aggregate = spans.aggregate_sql(asked, HOUR.total_seconds())
        return _raw(_SPANS, window, question, spans.COLUMNS.matches(question.filters), aggregate)
    groups = traces.queries.summary(
        summaries.Question(
            project_id=window.project_id,
            window=_buckets(window),
            group_by=question.group_by,
            filters=dict(filters),
            measures=[measure],
            limit=MAX_GROUPS + 1,
        )
    )
    if len(groups) > MAX_GROUPS:
        raise TooManyGroups
    divisor = HOUR.total_seconds() if question.aggregation == "rate" else 1
    return _values(groups, question.group_by, measure, _buckets(window), divisor)


def _span_measure(question: Question, *, is_errors_only: bool) -> str:
    """The measure of the roll-up that answers the question; empty where none does."""
    if spans.is_counted(question.metric, question.aggregation):
        return "error_count" if is_errors_only else "span_count"
    if is_errors_only:
        return ""
    if question.metric == "error_ratio":
        return "error_ratio"
    known = {"avg": "duration_avg_ms", "p50": "duration_p50_ms", "p95": "duration_p95_ms"}
    return known.get(question.aggregation, "")


def _is_added_up(filters: Filters, group_by: Iterable[str], dimensions: Sequence[str]) -> bool:
    """Whether roll-ups tell these rows apart. A filter on an empty value asks for rows without one."""
    return {*group_by, *dict(filters)} <= set(dimensions) and all(value for _, value in filters)


def _buckets(window: Window) -> Buckets:
    return Buckets(window.start, window.end, HOUR)


def _values(
    groups: Iterable[Group], group_by: Iterable[str], measure: str, buckets: Buckets, divisor: float = 1
) -> Values:
    """Counts of groups that are one label set are added up; none of 0 is left."""
    names = list(group_by)
    found: Values = defaultdict(lambda: defaultdict(float))
    for group in groups:
        labels = label_set((name, group.dimensions[name]) for name in names)
        for hour, value in zip(buckets.buckets, group.measures[measure], strict=True):
            if value or (value is not None and measure not in _COUNTS):
                found[labels][hour] += float(value) / divisor
    return found


@dataclass(frozen=True, slots=True)
class _Rows:
    """A table of wide rows and the column of their time."""

    columns: Columns
    table: str
    time: str


_EVENTS = _Rows(event_source.COLUMNS, "telemetry_events", "event_timestamp")
_SPANS = _Rows(spans.COLUMNS, "traces", "start_time")


def _raw(rows_of: _Rows, window: Window, question: Question, matching: Sql, aggregate: Sql) -> Values:
    columns, table, time = rows_of.columns, rows_of.table, rows_of.time
    selected = joined(
        [
            Sql(f"date_trunc('hour', {time}, 'UTC')"),
            *(columns.sql(name) for name in question.group_by),
            aggregate,
        ]
    )
    sql = f"""SELECT {selected.text} FROM {table}
              WHERE project_id = %s AND {time} >= %s AND {time} < %s AND {matching.text}
              {grouping(1 + len(question.group_by))} LIMIT %s"""
    bounds = (window.project_id, window.start, window.end)
    with connection.cursor() as cursor:
        cursor.execute(sql, [*selected.parameters, *bounds, *matching.parameters, MAX_ROWS + 1])
        rows = cursor.fetchall()
    if len(rows) > MAX_ROWS:
        raise TooManyGroups
    found: Values = defaultdict(dict)
    for hour, *texts, value in rows:
        if value is not None:
            labels = label_set(zip(question.group_by, texts, strict=True))
            found[labels][hour.astimezone(UTC)] = float(value)
    return found


def _of_points(window: Window, question: Question) -> Hourly:
    named = metric_points.series_named(window.project_id, [question.metric])
    chosen = named.select(question.metric, question.filters)
    label_sets = {series.key: series.label_set(question.group_by) for series in chosen}
    numbers = {labels: number for number, labels in enumerate(dict.fromkeys(label_sets.values()))}
    lines = charting.chart(
        charting.Question(
            window.project_id,
            {int(key): numbers[labels] for key, labels in label_sets.items()},
            _buckets(window),
            question.aggregation,
            any(series.columns["metric_type"] == metric_points.HISTOGRAM for series in chosen),
        ),
        window.end,
    )
    by_number = {number: labels for labels, number in numbers.items()}
    return {by_number[line]: dict(points) for line, points in lines.items()}


def _of_business_metrics(window: Window, question: Question) -> Hourly:
    shifted = Window(window.project_id, window.end - _TICK, window.length_seconds)
    dated = business_metrics.read(shifted, [question.metric])
    by_key = {one.series.key: one for one in dated}
    chosen = LabelIndex(one.series for one in dated).select(question.metric, question.filters)
    pieces: dict[LabelSet, dict[datetime, list[SeriesWindow]]] = defaultdict(lambda: defaultdict(list))
    for series in chosen:
        labels = series.label_set(question.group_by)
        for hour, piece in _by_hour(by_key[series.key]).items():
            whole = Window(window.project_id, hour + HOUR, HOUR.total_seconds())
            last_at = datetime.fromtimestamp(piece.times[-1], UTC)
            pieces[labels][hour].append(business_metrics.window_of(whole, piece.times, piece.values, last_at))
    return {
        labels: {
            hour: value
            for hour, windows in hours.items()
            if (value := combine(windows, question.aggregation).value) is not None
        }
        for labels, hours in pieces.items()
    }


def _by_hour(dated: business_metrics.Dated) -> Mapping[datetime, business_metrics.Dated]:
    rows: dict[datetime, list[tuple[float, float]]] = defaultdict(list)
    for at, value in zip(dated.times, dated.values, strict=True):
        seconds = HOUR.total_seconds()
        rows[datetime.fromtimestamp(at // seconds * seconds, UTC)].append((at, value))
    return {
        hour: business_metrics.Dated(dated.series, [at for at, _ in pairs], [value for _, value in pairs])
        for hour, pairs in rows.items()
    }
