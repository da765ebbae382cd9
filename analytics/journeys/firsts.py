"""SQL for when each id first reached each milestone, among the events of some times."""

from __future__ import annotations

from collections.abc import Sequence

from analytics.journeys.changes import Span, within
from analytics.journeys.definitions import Definition
from analytics.matchers import Matcher, condition
from events.trails import IDENTIFIER
from storage.estimates import of_project
from storage.sql_pieces import Sql, joined


def first_times(definition: Definition, spans: Sequence[Span], identifiers: Sequence[str] = ()) -> Sql:
    """`(identifier, reached_at)`, the times in an array; of these ids only where some are given."""
    times = joined(
        [
            Sql(f"min(event_timestamp) FILTER (WHERE {piece.text})", piece.parameters)
            for piece in map(condition, definition.matchers)
        ]
    )
    where = conditions(definition.project_id, spans, definition.matchers)
    if identifiers:
        where = joined([where, Sql(f"{IDENTIFIER} = ANY(%s)", (list(identifiers),))], " AND ")
    return Sql(
        f"SELECT {IDENTIFIER} AS identifier, ARRAY[{times.text}] AS reached_at "
        f"FROM telemetry_events WHERE {where.text} AND {IDENTIFIER} IS NOT NULL GROUP BY 1",
        (*times.parameters, *where.parameters),
    )


def conditions(project_id: int, spans: Sequence[Span], matchers: Sequence[Matcher]) -> Sql:
    """Events of a project and these times that meet one of the matchers."""
    pieces = [Sql(of_project("%s"), (project_id,)), within(spans)]
    # One look in a list throws most events out before any matcher is asked.
    names = [matcher.names for matcher in matchers]
    known = [named for named in names if named is not None]
    if len(known) == len(names):
        pieces.append(Sql("event_name = ANY(%s)", (sorted(frozenset().union(*known)),)))
    either = joined([condition(matcher) for matcher in matchers], " OR ")
    pieces.append(Sql(f"({either.text})", either.parameters))
    return joined(pieces, " AND ")
