"""Events: one scan per (project, window, group_by) counts for all rules."""

from __future__ import annotations

from collections.abc import Sequence

from alerting.sources.samples import Answer, Question, Window
from alerting.sources.scans import (
    Columns,
    Filters,
    answers_of,
    any_of,
    batches,
    bounded_rows,
    grouping,
)
from events.columns import JSON_COLUMNS, TEXT_COLUMNS
from storage.sql_pieces import Sql, joined

COLUMNS = Columns(
    plain=TEXT_COLUMNS,
    json=JSON_COLUMNS,
    unique=frozenset({"id", "trace_id", "span_id"}),
)


def measure(window: Window, group_by: tuple[str, ...], questions: Sequence[Question]) -> dict[int, Answer]:
    """Counts by rule id; label sets without a matching event are left out. Raises django.db.Error, TooManyGroups."""
    distinct = sorted({question.filters for question in questions})
    answers: dict[Filters, Answer] = {}
    for batch in batches(distinct, lambda filters: filters):
        answers |= _scan(window, group_by, batch)
    return {question.rule_id: answers[question.filters] for question in questions}


def _scan(window: Window, group_by: tuple[str, ...], asked: Sequence[Filters]) -> dict[Filters, Answer]:
    """Count rows by the columns in use first: the many FILTERs then see a few combinations, not every event."""
    names = list(dict.fromkeys([*group_by, *(name for filters in asked for name, _ in filters)]))
    alias = {name: f"c{position}" for position, name in enumerate(names)}
    inner = joined([*(_aliased(COLUMNS.sql(name), alias[name]) for name in names), Sql("count(*) AS n")])
    outer = joined(
        [*(Sql(alias[name]) for name in group_by), *(_sum_of(filters, alias) for filters in asked)]
    )
    counted = any_of(asked, lambda filters: _matches(filters, alias))
    scan = Sql(
        f"""WITH counted AS (
                SELECT {inner.text} FROM telemetry_events
                WHERE project_id = %s AND event_timestamp > %s AND event_timestamp <= %s {grouping(len(names))}
            )
            SELECT {outer.text} FROM counted WHERE {counted.text} {grouping(len(group_by))}""",
        (
            *(*inner.parameters, window.project_id, window.start, window.end),
            *(*outer.parameters, *counted.parameters),
        ),
    )
    return answers_of(bounded_rows(scan), group_by, asked, is_counted=lambda _: True)


def _aliased(column: Sql, alias: str) -> Sql:
    return Sql(f"{column.text} AS {alias}", column.parameters)


def _sum_of(filters: Filters, alias: dict[str, str]) -> Sql:
    matches = _matches(filters, alias)
    return Sql(f"sum(n) FILTER (WHERE {matches.text})", matches.parameters)


def _matches(filters: Filters, alias: dict[str, str]) -> Sql:
    condition = " AND ".join(f"{alias[name]} = %s" for name, _ in filters)
    return Sql(condition or "true", tuple(value for _, value in filters))
