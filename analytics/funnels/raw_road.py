"""The raw road: a funnel's events out of the raw table. One row a unit, its times and marks packed as what they become.

Packed, because a number for Python a value would take ten times as long; grouped and ordered by the database, because
it compares texts and ids exactly and spills to disk where there are many.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np
from django.db import connection

from analytics.funnels.occurrences import EXCLUDED_FROM, Occurrences
from analytics.funnels.question import Funnel
from analytics.matchers import Matcher, condition
from analytics.units import from_events, unit_of_event
from events.columns import text_of_column
from storage.sql_pieces import Sql, joined

MAX_VALUE = 200
"""Characters of a value that a breakdown tells apart."""

_NOTHING = Sql("NULL::text")


def read(project_id: int, funnel: Funnel) -> Occurrences:
    """The events of a project that the funnel looks at. Raises django.db.Error."""
    statement = _statement(project_id, funnel)
    with connection.cursor() as cursor:
        cursor.execute(statement.text, statement.parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return _unpacked(rows, has_values=funnel.breakdown is not None)


def _statement(project_id: int, funnel: Funnel) -> Sql:
    unit = unit_of_event(funnel.unit)
    marks = _marks(funnel)
    value = _value(funnel)
    where = _range(project_id, funnel)
    # A strict funnel asks what lies between, so it needs every event of a unit.
    counts = "true" if funnel.order == "strict" else "marks <> 0"
    in_order = "ORDER BY event_timestamp, id"
    values = f", array_agg(value {in_order})" if funnel.breakdown else ""
    return Sql(
        f"""SELECT unit, string_agg(timestamptz_send(event_timestamp), ''::bytea {in_order}),
                   string_agg(int4send(marks), ''::bytea {in_order}){values}
            FROM (SELECT {unit.text} AS unit, event_timestamp, id, {marks.text} AS marks, {value.text} AS value
                  FROM {from_events(funnel.unit, project_id)} WHERE {where.text}) AS event
            WHERE unit IS NOT NULL AND {counts}
            GROUP BY unit""",
        (*unit.parameters, *marks.parameters, *value.parameters, *where.parameters),
    )


def _marks(funnel: Funnel) -> Sql:
    """An integer with a bit for each step and each exclusion that the row matches."""
    steps = [(number, step.matcher) for number, step in enumerate(funnel.steps)]
    excluded = [
        (EXCLUDED_FROM + number, exclusion.matcher) for number, exclusion in enumerate(funnel.exclusions)
    ]
    return joined([_bit(number, matcher) for number, matcher in (*steps, *excluded)], " | ")


def _bit(number: int, matcher: Matcher) -> Sql:
    matching = condition(matcher)
    return Sql(f"CASE WHEN {matching.text} THEN {1 << number} ELSE 0 END", matching.parameters)


def _value(funnel: Funnel) -> Sql:
    if funnel.breakdown is None:
        return _NOTHING
    column = text_of_column(funnel.breakdown.column)
    return Sql(f"left(nullif({column.text}, ''), {MAX_VALUE})", column.parameters)


def _range(project_id: int, funnel: Funnel) -> Sql:
    pieces = [Sql("project_id = %s", (project_id,))]
    if funnel.start is not None:
        pieces.append(Sql("event_timestamp >= %s", (funnel.start,)))
    if funnel.end is not None:
        pieces.append(Sql("event_timestamp < %s", (funnel.end,)))
    return joined(pieces, " AND ")


def _unpacked(rows: Sequence[tuple[Any, ...]], *, has_values: bool) -> Occurrences:
    times = b"".join(row[1] for row in rows)
    marks = b"".join(row[2] for row in rows)
    lengths = np.fromiter((len(row[2]) // 4 for row in rows), np.int64, len(rows))
    units = [row[0] for row in rows]
    return Occurrences(
        unit_count=len(units),
        names_of=lambda wanted: [units[unit] for unit in wanted],
        unit=np.repeat(np.arange(len(rows), dtype=np.int32), lengths),
        time_us=np.frombuffer(times, ">i8").astype(np.int64),
        marks=np.frombuffer(marks, ">i4").astype(np.int32),
        values=list(chain.from_iterable(row[3] for row in rows)) if has_values else None,
    )
