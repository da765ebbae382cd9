"""Which events have to be looked at: a log that the roll-up of events writes as it goes.

The roll-up engine knows when events of some minutes have all arrived, and which hours changed later (see
`storage.rollups`). So journeys keep no watermark of their own: beside what it adds up, each step of the engine notes
here, in its own transaction, what it has added up, for the first time or again. Whoever takes an entry sees every event
that it speaks of; an event that comes later is late for the engine, which will note its hour once more.

What no entry has told of yet lies after the engine's watermark or in an hour that waits for recomputation: `unseen`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from django.db import connection

from events.records import EVENTS
from events.rollups import EVENT_ROLLUP
from storage import partitions
from storage.partitions import start_of
from storage.registry import Table
from storage.rollups.registry import Rollup, Tier, register, rollup_of
from storage.sql_pieces import Sql, joined

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

# The minutes of the same step are filled already: a project without events costs nothing, and no event is read.
_NOTE = """
    INSERT INTO journey_changes (project_id, start_at, end_at)
    SELECT project_id, min(event_timestamp), max(event_timestamp) + interval '1 minute'
    FROM (SELECT project_id, bucket AS event_timestamp FROM event_rollup_minutes) AS filled
    WHERE {window} GROUP BY project_id"""

_CHANGES = Table(
    # Known to the engine alone: what has been looked at is deleted, so no retention counts for it.
    name="journey_changes",
    columns=(),
    key=(),
    retention=None,
    time_column="start_at",
    partitioned=False,
)


def note_what_is_rolled_up() -> None:
    """Have the roll-up of events write the log from now on."""
    rollup = event_rollup()
    if all(tier.table != _CHANGES for tier in rollup.sets):
        register(replace(rollup, sets=(*rollup.sets, Tier(_CHANGES, _NOTE))))


def event_rollup() -> Rollup:
    """The roll-up of events with everything that was added to it."""
    return rollup_of(EVENT_ROLLUP.name) or EVENT_ROLLUP


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """`start <= time < end`; without an end: everything after the start."""

    start: datetime
    end: datetime | None


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same times in as few spans as can be, the earliest first."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        if not found or (found[-1].end is not None and span.start > found[-1].end):
            found.append(span)
        elif found[-1].end is not None and (span.end is None or span.end > found[-1].end):
            found[-1] = Span(found[-1].start, span.end)
    return found


def within(spans: Iterable[Span]) -> Sql:
    """A condition for events of these times; none for no span."""
    pieces = [
        Sql("event_timestamp >= %s", (span.start,))
        if span.end is None
        else Sql("event_timestamp >= %s AND event_timestamp < %s", (span.start, span.end))
        for span in spans
    ]
    either = joined(pieces, " OR ")
    return Sql(f"({either.text or 'false'})", either.parameters)


def unseen(project_id: int, journey_ids: Collection[int]) -> dict[int, list[Span]]:
    """Where events may be that the progress on each of these journeys doesn't hold yet.

    Read this before the progress: what the upkeep does in between then counts twice, which changes nothing.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT NULL::bigint, closed_to, NULL FROM rollup_watermarks WHERE raw_table = %(events)s
               UNION ALL
               SELECT NULL, hour, hour + interval '1 hour' FROM rollup_invalidations
               WHERE raw_table = %(events)s AND project_id = %(project_id)s
               UNION ALL
               SELECT journey_id, start_at, end_at FROM journey_changes
               WHERE project_id = %(project_id)s AND (journey_id IS NULL OR journey_id = ANY(%(journeys)s))""",
            {"events": EVENTS.name, "project_id": project_id, "journeys": list(journey_ids)},
        )
        spans = [
            (journey_id, Span(start.astimezone(UTC), end)) for journey_id, start, end in cursor.fetchall()
        ]
    return {one: merged(span for of, span in spans if of in (None, one)) for one in journey_ids}


def note_everything(project_id: int, journey_id: int) -> None:
    """Have everything that is stored looked at for a journey, a day at a time."""
    days = [start_of(day) for day in partitions.days_of(EVENTS)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO journey_changes (project_id, journey_id, start_at, end_at) "
            "SELECT %s, %s, day, day + interval '1 day' FROM unnest(%s::timestamptz[]) AS day",
            [project_id, journey_id, days],
        )


@dataclass(frozen=True, slots=True)
class Waiting:
    """Entries of one project's day, which are taken together."""

    project_id: int
    day: datetime


def waiting() -> list[Waiting]:
    """What there is to look at, the oldest entry first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT project_id, date_trunc('day', start_at, 'UTC') FROM journey_changes "
            "GROUP BY 1, 2 ORDER BY min(id)"
        )
        return [Waiting(project_id, day) for project_id, day in cursor.fetchall()]


def take(place: Waiting) -> dict[int | None, list[Span]]:
    """Take the entries of a project's day out of the log, inside the caller's transaction; spans by journey."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM journey_changes WHERE project_id = %s AND start_at >= %s AND start_at < %s "
            "RETURNING journey_id, start_at, end_at",
            [place.project_id, place.day, place.day + DAY],
        )
        taken: dict[int | None, list[Span]] = {}
        for journey_id, start, end in cursor.fetchall():
            taken.setdefault(journey_id, []).append(Span(start, end))
    return taken
