"""Spans: one scan per (project, window, group_by) answers durations, error ratios and counts for all rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from alerting.sources.samples import PERCENTILES, Aggregation, Answer, Question, Window
from alerting.sources.scans import (
    Columns,
    Filters,
    answers_of,
    any_of,
    batches,
    bounded_rows,
    grouping,
)
from storage.sql_pieces import Sql, joined

SpanMetric = Literal["duration_ms", "error_ratio", "span_count"]
Asked = tuple[str, Aggregation, Filters]

COLUMNS = Columns(
    plain={
        "service_name": "service_name",
        "operation_name": "operation_name",
        "kind": "kind",
        "status": "status",
        "http_method": "http_method",
        "http_url": "http_url",
        "http_status_code": "http_status_code::text",
        "user_id": "user_id",
        "trace_id": "trace_id",
        "span_id": "span_id",
        "parent_span_id": "parent_span_id",
    },
    json={"tags": "tags"},
    unique=frozenset({"trace_id", "span_id", "parent_span_id"}),
)


def measure(window: Window, group_by: tuple[str, ...], questions: Sequence[Question]) -> dict[int, Answer]:
    """Answers by rule id. Raises django.db.Error, TooManyGroups."""
    distinct = sorted({_asked(question) for question in questions})
    answers: dict[Asked, Answer] = {}
    for batch in batches(distinct, lambda asked: dict(asked[-1])):
        answers |= _scan(window, group_by, batch)
    return {question.rule_id: answers[_asked(question)] for question in questions}


def is_counted(metric: str, aggregation: Aggregation) -> bool:
    """Whether no spans mean 0."""
    return metric == "span_count" or (metric == "duration_ms" and aggregation in {"count", "rate"})


def _asked(question: Question) -> Asked:
    return question.metric, question.aggregation, question.filters


def _scan(window: Window, group_by: tuple[str, ...], asked: Sequence[Asked]) -> dict[Asked, Answer]:
    columns = joined(
        [
            *(COLUMNS.sql(name) for name in group_by),
            *(aggregate_sql(one, window.length_seconds) for one in asked),
        ]
    )
    measured = any_of(map(COLUMNS.matches, dict.fromkeys(filters for _, _, filters in asked)))
    scan = Sql(
        f"""SELECT {columns.text} FROM traces
            WHERE project_id = %s AND start_time > %s AND start_time <= %s AND ({measured.text})
            {grouping(len(group_by))}""",
        (*columns.parameters, window.project_id, window.start, window.end, *measured.parameters),
    )
    return answers_of(bounded_rows(scan), group_by, asked, is_counted=lambda one: is_counted(one[0], one[1]))


def aggregate_sql(asked: Asked, window_seconds: float) -> Sql:
    """One aggregate over the rows that pass the filters."""
    metric, aggregation, filters = asked
    matches = COLUMNS.matches(filters)
    filtered = f"FILTER (WHERE {matches.text})"
    if is_counted(metric, aggregation):
        divisor = window_seconds if aggregation == "rate" else 1
        return Sql(f"(count(*) {filtered})::float8 / %s", (*matches.parameters, divisor))
    if metric == "error_ratio":
        return Sql(f"(avg((status = 'error')::int) {filtered})::float8", matches.parameters)
    if aggregation in PERCENTILES:
        rank = f"percentile_cont({PERCENTILES[aggregation]}) WITHIN GROUP (ORDER BY duration_ms)"
        return Sql(f"{rank} {filtered}", matches.parameters)
    if aggregation == "last":
        return Sql(
            f"(array_agg(duration_ms ORDER BY start_time DESC, span_id) {filtered})[1]", matches.parameters
        )
    return Sql(f"{aggregation}(duration_ms) {filtered}", matches.parameters)
