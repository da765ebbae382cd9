"""The raw road: a funnel's events out of the raw table. One row a unit, its times and marks packed as what they become.

Packed, because a number for Python a value would take ten times as long; grouped and ordered by the database, because
it compares texts and ids exactly and spills to disk where there are many.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from django.db import connection

from analytics.funnels.bounds import LARGE, check_unit, most_events
from analytics.funnels.occurrences import EXCLUDED_FROM, Occurrences
from analytics.funnels.question import Funnel
from analytics.matchers import Matcher, condition
from analytics.units import from_events, unit_of_event
from events.columns import text_of_column
from projects.time_limits import check_time, limit_to_time_left
from projects.turns import take_turn
from storage.estimates import of_project
from storage.sql_pieces import Sql, joined

AT_ONCE = LARGE
"""Events that are looked at at once; more where the last unit has more."""

MAX_VALUE = 200
"""Characters of a value that a breakdown tells apart."""

_MARK_BYTES = 4
_NOTHING = Sql("NULL::text")


def read(project_id: int, funnel: Funnel) -> Iterator[Occurrences]:
    """The events of a project that the funnel looks at, of some units after the other as they come.

    Raises django.db.Error, TooCostly.
    """
    most, columns = most_events(funnel), ["text", "int8", "bytea", "bytea"]
    if funnel.breakdown:
        columns.append("text[]")
    asked = statement(project_id, funnel, most)
    part = _Part()
    connection.ensure_connection()
    limit_to_time_left()
    with (
        connection.wrap_database_errors,
        connection.connection.cursor() as cursor,
        # What COPY sends needn't be kept until all of it is there.
        cursor.copy(f"COPY ({asked.text}) TO STDOUT (FORMAT BINARY)", asked.parameters) as copy,
    ):
        copy.set_types(columns)
        for unit, event_count, *packed in copy.rows():
            check_unit(event_count, most)
            part.add(unit, *packed)
            if part.event_count >= AT_ONCE:
                check_time()
                take_turn()
                yield part.taken()
        yield part.taken()


class _Part:
    """Rows that are put together while they come."""

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._units: list[str] = []
        self._lengths: list[int] = []
        self._times, self._marks = bytearray(), bytearray()
        self._values: list[str | None] = []

    @property
    def event_count(self) -> int:
        return len(self._marks) // _MARK_BYTES

    def add(self, unit: str, times: bytes, marks: bytes, values: Sequence[str | None] = ()) -> None:
        self._units.append(unit)
        self._lengths.append(len(marks) // _MARK_BYTES)
        self._times += times
        self._marks += marks
        self._values += values

    def taken(self) -> Occurrences:
        """What has come since the last time."""
        found = Occurrences(
            ids=self._units,
            names_of=_by_themselves,
            unit=np.repeat(np.arange(len(self._units), dtype=np.int32), self._lengths),
            time_us=np.frombuffer(self._times, ">i8").astype(np.int64),
            marks=np.frombuffer(self._marks, ">i4").astype(np.int32),
            values=self._values,
        )
        self._begin()
        return found


def _by_themselves(names: Sequence[str]) -> dict[str, str]:
    return {name: name for name in names}


def statement(project_id: int, funnel: Funnel, most: int) -> Sql:
    """(unit, events, times, marks, values) by unit; of one with more than `most` events the number of them alone."""
    unit = unit_of_event(funnel.unit)
    marks = _marks(funnel)
    value = _value(funnel)
    where = _range(project_id, funnel)
    # A strict funnel asks what lies between, so it needs every event of a unit.
    counts = "true" if funnel.order == "strict" else "marks <> 0"
    in_order = "ORDER BY event_timestamp, id"
    packed = [
        f"string_agg(timestamptz_send(event_timestamp), ''::bytea {in_order})",
        f"string_agg(int4send(marks), ''::bytea {in_order})",
    ]
    if funnel.breakdown:
        packed.append(f"array_agg(value {in_order})")
    given = ", ".join(f"CASE WHEN count(*) <= {most} THEN {one} END" for one in packed)
    return Sql(
        f"""SELECT unit, count(*), {given}
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
    pieces = [Sql(of_project("%s"), (project_id,))]
    if funnel.start is not None:
        pieces.append(Sql("event_timestamp >= %s", (funnel.start,)))
    if funnel.end is not None:
        pieces.append(Sql("event_timestamp < %s", (funnel.end,)))
    return joined(pieces, " AND ")
