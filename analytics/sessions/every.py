"""SQL for every session of a question: whose it is, when it began and when it ended.

To compare each event with the one before it all would have to be sorted, most of what this would cost. So events are
first put together by stretches of time, without an order and by several processes at once; few rows are left to sort.
Rows are narrow, and a hash of the unit comes first, as numbers compare faster than texts. What else a page says of a
session is read again for the sessions on it alone.
"""

from __future__ import annotations

from analytics.sessions.question import Question
from analytics.units import PERSON, from_events, unit_of_event
from events.identities import persons_of
from events.session_pieces import WHOSE
from events.trails import IDENTIFIER
from storage.estimates import of_project
from storage.sql_pieces import Sql, joined

_SESSION = "coalesce(session_id, '')"
_NOBODY = f"({IDENTIFIER} IS NULL)"
_STRETCH = "hash, unit, session, stretch"


def every_session(question: Question) -> Sql:
    """`(unit, session, started_at, ended_at)`; `session` is '' where times alone say what belongs together.

    Of stretches in order, the first and the last one of each session alternate, so the one that follows a first one is
    its last.
    """
    stretches = _of_persons(question) if question.unit == PERSON else _of_units(question)
    return Sql(
        f"""SELECT unit, session, began_at AS started_at, CASE WHEN is_last THEN seen_at ELSE next_edge END AS ended_at
            FROM (
                SELECT *, lead(seen_at) OVER (PARTITION BY hash, unit, session ORDER BY began_at) AS next_edge
                FROM (
                    SELECT *, before IS NULL OR (session = '' AND began_at - before > %s) AS is_first,
                           after IS NULL OR (session = '' AND after - seen_at > %s) AS is_last
                    FROM (
                        SELECT *, lag(seen_at) OVER in_order AS before, lead(began_at) OVER in_order AS after
                        FROM ({stretches.text}) AS stretch
                        WINDOW in_order AS (PARTITION BY hash, unit, session ORDER BY began_at)
                    ) AS compared
                ) AS told WHERE is_first OR is_last
            ) AS edge WHERE is_first""",
        (question.gap, question.gap, *stretches.parameters),
    )


def _of_persons(question: Question) -> Sql:
    """By the ids that events name, and only then by person: a join would keep several processes from helping."""
    found = _of_units(question)
    persons = persons_of(str(int(question.project_id)))
    return Sql(
        f"""SELECT {_STRETCH}, min(began_at) AS began_at, max(seen_at) AS seen_at
            FROM (
                SELECT hashtextextended(whose, 0) AS hash, whose AS unit, session, stretch, began_at, seen_at
                FROM (
                    SELECT found.*, coalesce(person, unit) COLLATE "C" AS whose
                    FROM ({found.text}) AS found LEFT JOIN ({persons}) AS persons
                        ON persons.identifier = unit AND NOT is_nobody
                ) AS of_person
            ) AS hashed GROUP BY {_STRETCH}""",
        found.parameters,
    )


def _of_units(question: Question) -> Sql:
    """The first and the last event of each session in each stretch of time, which is as long as the gap.

    Who comes twice in one stretch was not away for longer than that.
    """
    unit = _named_in_event(question)
    where = _in_range(question)
    return Sql(
        f"""SELECT {_STRETCH}, is_nobody, min(event_timestamp) AS began_at, max(event_timestamp) AS seen_at
            FROM (
                SELECT hashtextextended(unit, 0) AS hash, date_bin(%s, event_timestamp, 'epoch') AS stretch, event.*
                FROM (
                    SELECT {unit.text} COLLATE "C" AS unit, {_SESSION} AS session, {_NOBODY} AS is_nobody,
                           event_timestamp
                    FROM telemetry_events WHERE {where.text}
                ) AS event WHERE unit IS NOT NULL
            ) AS hashed GROUP BY {_STRETCH}, is_nobody""",
        (question.gap, *unit.parameters, *where.parameters),
    )


def events(question: Question, columns: Sql, *conditions: Sql) -> Sql:
    """The question's events with their unit and session, '' where they name none, and other columns."""
    unit = unit_of_event(question.unit)
    # Nobody's session is at least one session; an event of nobody without any belongs to none.
    whose = f"coalesce({unit.text}, nullif(session_id, ''))" if question.unit == PERSON else unit.text
    where = joined([_in_range(question), *conditions], " AND ")
    return Sql(
        f"""SELECT * FROM (
                SELECT {whose} COLLATE "C" AS unit, {_SESSION} AS session, {columns.text}
                FROM {from_events(question.unit, question.project_id)} WHERE {where.text}
            ) AS named WHERE unit IS NOT NULL""",
        (*unit.parameters, *columns.parameters, *where.parameters),
    )


def _named_in_event(question: Question) -> Sql:
    """The unit as the event has it: of persons, one of their ids."""
    if question.unit == PERSON:
        return Sql(WHOSE)
    return unit_of_event(question.unit)


def _in_range(question: Question) -> Sql:
    pieces = [Sql(of_project("%s"), (question.project_id,))]
    if question.start is not None:
        pieces.append(Sql("event_timestamp >= %s", (question.start,)))
    if question.end is not None:
        pieces.append(Sql("event_timestamp < %s", (question.end,)))
    return joined(pieces, " AND ")
