"""SQL for who was there when: `(period, marks, numbers, newcomers)`, packed, from trails or from raw rows.

`period` is 1 for the first one and 0 before it. `marks` has a bit for each of what was asked for that these people did.
`numbers` are those of their identifiers, in four bytes each, some of them several times, and 0 for none;
`newcomers` lists the identifiers (as JSON, or null) that have no number yet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from analytics.matchers import Matcher, condition
from analytics.trails import trail_sql
from analytics.usage.periods import Periods
from events.trails import IDENTIFIER
from storage.estimates import of_project
from storage.sql_pieces import Sql, joined

Wanted = Mapping[int, Matcher | None]
"""What people may have done, by its bit; None is anything."""


@dataclass(frozen=True, slots=True)
class Statement:
    """With its parameters by name."""

    text: str
    parameters: dict[str, Any]


def from_trails(
    project_id: int, wanted: Wanted, starts: Sequence[datetime], start: datetime, end: datetime
) -> Statement:
    """Of all events with `start <= time < end`, both of whole hours. Each matcher in it is only names.

    One value holds what one row tells, and a gigabyte at most: some 250 million events.
    """
    names = {bit: sorted(matcher.names or ()) for bit, matcher in wanted.items() if matcher}
    where = "true" if len(names) < len(wanted) else "event_name = ANY(%(all_names)s)"
    marks = " | ".join(
        f"CASE WHEN event_name = ANY(%(names_{bit})s) THEN {_bit(bit)} ELSE 0 END"
        if bit in names
        else _bit(bit)
        for bit in wanted
    )
    return Statement(
        f"""{trail_sql(where)}
            SELECT width_bucket(bucket, %(starts)s::timestamptz[]), {marks} AS marks,
                   string_agg(numbers, ''::bytea), jsonb_agg(newcomers) FILTER (WHERE newcomers IS NOT NULL)
            FROM trail GROUP BY 1, 2""",
        {
            "project_id": project_id,
            "start": start,
            "end": end,
            "starts": list(starts),
            "all_names": sorted({name for several in names.values() for name in several}),
            **{f"names_{bit}": several for bit, several in names.items()},
        },
    )


def from_rows(project_id: int, wanted: Wanted, periods: Periods) -> Statement:
    """Of raw events in the periods."""
    marks = joined([_mark(bit, matcher) for bit, matcher in wanted.items()], " | ")
    text, parameters = marks.named("mark_")
    return Statement(
        f"""SELECT period, marks, string_agg(int4send(coalesce(number, 0)), ''::bytea),
                   jsonb_agg(ARRAY[identifier]) FILTER (WHERE number IS NULL)
            FROM (
                SELECT identifier, period, bit_or(marks) AS marks
                FROM (
                    SELECT {IDENTIFIER} AS identifier, {text} AS marks,
                           width_bucket(event_timestamp, %(starts)s::timestamptz[]) AS period
                    FROM telemetry_events WHERE {of_project("%(project_id)s")}
                        AND event_timestamp >= %(start)s AND event_timestamp < %(end)s
                ) AS event
                WHERE identifier IS NOT NULL AND marks <> 0 GROUP BY identifier, period
            ) AS there
            LEFT JOIN (
                SELECT identifier, number FROM event_identifiers WHERE {of_project("%(project_id)s")}
            ) AS known USING (identifier)
            GROUP BY period, marks""",
        {
            "project_id": project_id,
            "start": periods.start,
            "end": periods.end,
            "starts": list(periods.starts),
            **parameters,
        },
    )


def names_in(newcomers: Iterable[Sequence[str]] | None) -> set[str]:
    """The identifiers in a row's last column."""
    return {name for names in newcomers or () for name in names}


def _mark(bit: int, matcher: Matcher | None) -> Sql:
    if matcher is None:
        return Sql(_bit(bit))
    matching = condition(matcher)
    return Sql(f"CASE WHEN {matching.text} THEN {_bit(bit)} ELSE 0 END", matching.parameters)


def _bit(bit: int) -> str:
    return f"{1 << bit}::bigint"
