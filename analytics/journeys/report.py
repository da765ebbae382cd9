"""A journey over everybody who is on it: how many complete it, how long it takes, where they wait.

One exact statement; `measures` says the same of one person.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from django.db import connection

from analytics.journeys.changes import Span
from analytics.journeys.definitions import Definition
from analytics.journeys.firsts import conditions
from analytics.journeys.measures import Stage
from analytics.journeys.reading import times_by_identifier
from events.columns import text_of_column
from events.identities import persons_of
from events.trails import IDENTIFIER
from storage.estimates import believed
from storage.rollups.windows import EPOCH
from storage.sql_pieces import Sql, joined

BIN_SHARES = (0, 0.25, 0.5, 0.75, 1, 1.25, 1.5, 2, 3, 5)
"""Where bars of the distribution begin, in shares of the whole target."""

DEFAULT_TARGET_MINUTES = 60
"""What bars are shares of where no milestone has a target."""

MAX_SEGMENTS = 50
MAX_SEGMENT_TEXT = 200

Row = dict[str, Any]
Grouping = Literal["all", "stage", "waiting", "bin", "week", "segment"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Who is looked at: those who began at `start <= time < end`. `segment` names a column of events."""

    now: datetime
    start: datetime | None = None
    end: datetime | None = None
    segment: str | None = None


def report(definition: Definition, question: Question) -> dict[Grouping, list[Row]]:
    """Rows by what they are grouped by.

    `all`, `week` and `segment` have `people, completed, efficiency_score, median_minutes, mean_minutes, p90_minutes`.
    `stage` and `waiting` go by the `position` of a milestone, `bin` by the number of one of `bins`, from 1.
    """
    (kept,) = times_by_identifier([definition])
    asked = measured_sql(definition, kept, question, joined(_parts(definition, question), " UNION ALL "))
    found: dict[Grouping, list[Row]] = defaultdict(list)
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.parameters)
        for grouping, row in cursor.fetchall():
            # Django leaves JSON of a bare query as it comes.
            found[grouping].append(json.loads(row))
    return found


def overview(definitions: Sequence[Definition], question: Question) -> list[Row]:
    """The row `all` of each of some journeys of one project, in their order."""
    if not definitions:
        return []
    pieces = [
        measured_sql(definition, kept, question, _part(str(number), Sql(f"SELECT {_FIGURES} FROM measured")))
        for number, (definition, kept) in enumerate(
            zip(definitions, times_by_identifier(definitions), strict=True)
        )
    ]
    asked = joined([Sql(f"({piece.text})", piece.parameters) for piece in pieces], " UNION ALL ")
    with connection.cursor() as cursor:
        cursor.execute(asked.text, asked.parameters)
        found = {int(number): json.loads(row) for number, row in cursor.fetchall()}
    return [found[number] for number in range(len(definitions))]


def bins(definition: Definition) -> list[float]:
    """The minutes at which bars of the distribution begin."""
    target = definition.target_minutes or DEFAULT_TARGET_MINUTES
    return [float(share * target) for share in BIN_SHARES]


def measured_sql(definition: Definition, kept: Sql, question: Question, select: Sql) -> Sql:
    """`select` over `measured`: everybody on the journey with minutes (s1, ...), score and what they wait for.

    `kept` are the journey's `times_by_identifier`.
    """
    count = len(definition.stages)
    # Of a new journey the planner knows nothing.
    tables = [
        ("kept", believed(kept, "text", "timestamptz[]")),
        ("linked", believed(Sql(persons_of(str(int(definition.project_id)))), "text", "text")),
        ("merged", _merged(count)),
        ("timed", believed(_timed(count, question), "text", *["timestamptz"] * count, *["float8"] * count)),
        ("segments", believed(_segments(definition, question), "text", "text")),
        ("measured", _measured(definition, question)),
    ]
    named = joined(
        # Once each: several of them are read by every part of the answer.
        [Sql(f"{name} AS MATERIALIZED ({piece.text})", piece.parameters) for name, piece in tables]
    )
    return Sql(f"WITH {named.text} {select.text}", (*named.parameters, *select.parameters))


def _merged(count: int) -> Sql:
    """Persons with the time of each milestone: r0, r1, ..."""
    times = ", ".join(f"min(reached_at[{n + 1}]) AS r{n}" for n in range(count))
    return Sql(
        f"SELECT coalesce(person, identifier) AS person, {times} "
        "FROM kept LEFT JOIN linked USING (identifier) GROUP BY 1"
    )


def _timed(count: int, question: Question) -> Sql:
    """Those who began when the question asks, with the minutes of each stage: s1, ..., and of the whole."""
    stages = ", ".join(f"{_stage_minutes(n)} AS s{n}" for n in range(1, count))
    begun = [Sql("r0 IS NOT NULL")]
    if question.start:
        begun.append(Sql("r0 >= %s", (question.start,)))
    if question.end:
        begun.append(Sql("r0 < %s", (question.end,)))
    where = joined(begun, " AND ")
    return Sql(
        f"SELECT *, {stages}, {_minutes('r0', f'r{count - 1}')} AS complete FROM merged WHERE {where.text}",
        where.parameters,
    )


def _stage_minutes(n: int) -> str:
    before = ", ".join(["r0", *(f"CASE WHEN r{m} <= r{n} THEN r{m} END" for m in range(1, n))])
    return f"CASE WHEN r{n} IS NOT NULL THEN {_minutes(f'greatest({before})', f'r{n}')} END"


def _minutes(start: str, end: str) -> str:
    """Null where the end is; `greatest` alone would make it 0."""
    return f"CASE WHEN {end} IS NOT NULL THEN greatest(date_part('epoch', {end} - {start}) / 60, 0) END"


def _segments(definition: Definition, question: Question) -> Sql:
    """What the segment's column says in the event that each person began with, among those stored."""
    if question.segment is None:
        return Sql("SELECT NULL::text AS person, NULL::text AS segment WHERE false")
    column = text_of_column(question.segment)
    began = conditions(
        definition.project_id, [Span(question.start or EPOCH, question.end)], definition.matchers[:1]
    )
    return Sql(
        f"""SELECT DISTINCT ON (1) coalesce(person, identifier) AS person, segment
            FROM (SELECT {IDENTIFIER} AS identifier, left({column.text}, {MAX_SEGMENT_TEXT}) AS segment,
                         event_timestamp, id
                  FROM telemetry_events WHERE {began.text} AND {IDENTIFIER} IS NOT NULL) AS began
            LEFT JOIN linked USING (identifier)
            ORDER BY 1, event_timestamp, id""",
        (*column.parameters, *began.parameters),
    )


def _measured(definition: Definition, question: Question) -> Sql:
    """Each person's score, and for those on the way the milestone they wait for and for how long."""
    count = len(definition.stages)
    earned = joined([_earned(n, stage) for n, stage in enumerate(definition.stages) if n], " + ")
    weights = sum(stage.weight for stage in definition.stages[1:])
    next_one = " ".join(f"WHEN r{n} IS NULL THEN {n}" for n in range(1, count))
    latest = ", ".join(f"r{n}" for n in range(count))
    return Sql(
        f"""SELECT timed.*, segment, 100 * ({earned.text}) / %s::float8 AS score,
                   CASE WHEN r{count - 1} IS NULL THEN CASE {next_one} END END AS waits_for,
                   greatest(date_part('epoch', %s - greatest({latest})) / 60, 0) AS waiting,
                   r0 > %s AS is_followed
            FROM timed LEFT JOIN segments USING (person)""",
        (*earned.parameters, weights, question.now, question.now - definition.follow),
    )


def _earned(n: int, stage: Stage) -> Sql:
    if stage.target_minutes is None:
        return Sql(f"CASE WHEN s{n} IS NULL THEN 0 ELSE %s::float8 END", (stage.weight,))
    return Sql(
        f"CASE WHEN s{n} IS NULL THEN 0 WHEN s{n} <= %s THEN %s::float8 ELSE %s::float8 / s{n} END",
        (stage.target_minutes, stage.weight, stage.weight * stage.target_minutes),
    )


def _parts(definition: Definition, question: Question) -> list[Sql]:
    week = "(date_trunc('week', r0, 'UTC') AT TIME ZONE 'UTC')::date AS week"
    parts = [
        _part("all", Sql(f"SELECT {_FIGURES} FROM measured")),
        *(_part("stage", _stage(n, stage)) for n, stage in enumerate(definition.stages) if n),
        _part("waiting", Sql(_WAITING)),
        _part("bin", Sql(_BINS, (bins(definition),))),
        _part("week", Sql(f"SELECT {week}, {_FIGURES} FROM measured GROUP BY 1 ORDER BY 1")),
    ]
    if question.segment is not None:
        # One more than is answered tells whether there are more.
        segments = (
            f"SELECT segment, {_FIGURES} FROM measured GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MAX_SEGMENTS + 1}"
        )
        parts.append(_part("segment", Sql(segments)))
    return parts


def _part(name: str, rows: Sql) -> Sql:
    return Sql(f"SELECT '{name}', to_jsonb(part) FROM ({rows.text}) AS part", rows.parameters)


def _over(values: str) -> str:
    """Median (the mean of the middle two), mean and 90th percentile of minutes."""
    return f"""percentile_cont(0.5) WITHIN GROUP (ORDER BY {values}) AS median_minutes,
               avg({values}) AS mean_minutes,
               percentile_cont(0.9) WITHIN GROUP (ORDER BY {values}) AS p90_minutes"""


_FIGURES = f"""count(*) AS people, count(complete) AS completed, avg(score) AS efficiency_score, {_over("complete")}"""

_WAITING = """
    SELECT waits_for AS position, count(*) AS people, count(*) FILTER (WHERE is_followed) AS followed,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY waiting) AS median_minutes, max(waiting) AS longest_minutes
    FROM measured WHERE waits_for IS NOT NULL GROUP BY 1"""

_BINS = """
    SELECT width_bucket(complete, %s::float8[]) AS bin, count(*) AS people
    FROM measured WHERE complete IS NOT NULL GROUP BY 1"""


def _stage(n: int, stage: Stage) -> Sql:
    return Sql(
        f"SELECT {n} AS position, count(s{n}) AS reached, {_over(f's{n}')}, "
        f"count(*) FILTER (WHERE s{n} <= %s) AS within_target FROM measured",
        (stage.target_minutes,),
    )
