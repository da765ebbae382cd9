"""Events: one scan per (project, window, group_by) counts for all rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from alerting.sources.samples import Answer, Question, Window
from alerting.sources.scans import Columns, answers_of, any_of, batches, bounded_rows, grouping
from analytics.matchers import NAMED_COLUMNS, Filter, Matcher, condition, holds_in_row
from events.columns import JSON_COLUMNS, TEXT_COLUMNS
from storage.sql_pieces import Sql, joined

COLUMNS = Columns(
    plain=TEXT_COLUMNS,
    json=JSON_COLUMNS,
    unique=frozenset({"id", "trace_id", "span_id"}),
)

Mark = str | Filter
"""What tells rows apart for matchers: the text of a column, or whether a filter holds."""


def marks_of(matchers: Iterable[Matcher]) -> list[Mark]:
    """All that decides whether these matchers are met, each once.

    Equality is decided by the column's text, so that a thousand rules about other values need one mark. Of numbers
    and parts of texts there are too many different ones: of them rows keep only whether the filter holds.
    """
    plain = (one for matcher in matchers for one in matcher.plain_filters)
    return list(dict.fromkeys(mark_of(one) for one in plain))


def mark_of(one: Filter) -> Mark:
    """What decides whether this filter holds."""
    return one.column if one.operator in {"equals", "one_of"} else one


def mark_sql(mark: Mark) -> Sql:
    """The mark of a row of events, never null."""
    return holds_in_row(mark) if isinstance(mark, Filter) else COLUMNS.sql(mark)


def measure(window: Window, group_by: tuple[str, ...], questions: Sequence[Question]) -> dict[int, Answer]:
    """Counts by rule id; label sets without a matching event are left out. Raises django.db.Error, TooManyGroups."""
    distinct = dict.fromkeys(question.matcher for question in questions)
    answers: dict[Matcher, Answer] = {}
    for batch in batches(distinct, lambda matcher: marks_of([matcher])):
        answers |= _scan(window, group_by, batch)
    return {question.rule_id: answers[question.matcher] for question in questions}


def _scan(window: Window, group_by: tuple[str, ...], asked: Sequence[Matcher]) -> dict[Matcher, Answer]:
    """Count rows by their marks first: the many FILTERs then see a few combinations, not every event."""
    marks = list(dict.fromkeys([*group_by, *marks_of(asked)]))
    aliases = {mark: _alias(mark, position) for position, mark in enumerate(marks)}
    inner = joined([*(_aliased(mark_sql(mark), aliases[mark]) for mark in marks), Sql("count(*) AS n")])
    conditions = [condition(matcher, lambda one: _holds(one, aliases)) for matcher in asked]
    outer = joined([*(Sql(aliases[name]) for name in group_by), *map(_sum_of, conditions)])
    counted = any_of(conditions)
    scan = Sql(
        f"""WITH counted AS (
                SELECT {inner.text} FROM telemetry_events
                WHERE project_id = %s AND event_timestamp > %s AND event_timestamp <= %s {grouping(len(marks))}
            )
            SELECT {outer.text} FROM counted WHERE {counted.text} {grouping(len(group_by))}""",
        (
            *(*inner.parameters, window.project_id, window.start, window.end),
            *(*outer.parameters, *counted.parameters),
        ),
    )
    return answers_of(bounded_rows(scan), group_by, asked, is_counted=lambda _: True)


def _alias(mark: Mark, position: int) -> str:
    """Matchers ask for these columns by their names."""
    return mark if mark in NAMED_COLUMNS and isinstance(mark, str) else f"c{position}"


def _aliased(column: Sql, alias: str) -> Sql:
    return Sql(f"{column.text} AS {alias}", column.parameters)


def _holds(one: Filter, aliases: Mapping[Mark, str]) -> Sql:
    mark = mark_of(one)
    if isinstance(mark, Filter):
        return Sql(aliases[mark])
    return Sql(f"{aliases[mark]} = ANY(%s)", (list(one.texts),))


def _sum_of(matching: Sql) -> Sql:
    return Sql(f"sum(n) FILTER (WHERE {matching.text})", matching.parameters)
