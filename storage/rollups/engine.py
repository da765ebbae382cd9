"""Rolls up what has become old enough, and again what was invalidated.

Every step is one transaction that deletes the rows of its buckets and adds them up again, so that it may be killed or
repeated at any point. One process at a time works on a roll-up; another one finds the lock taken and leaves.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import psycopg
from psycopg import sql

from storage import partitions
from storage.connections import connect
from storage.partitions import start_of
from storage.rollups import watermarks
from storage.rollups.gate import HOUR, LOCK_CLASS
from storage.rollups.registry import Rollup, Tier

LAG = timedelta(seconds=90)
"""Clients gather records for up to a minute before they send them; what comes later than this is recomputed."""

DAY = timedelta(days=1)
STATEMENT_TIMEOUT = "10min"

Connection = psycopg.Connection[Any]
ProjectIds = Callable[[], Sequence[int]]


class RollupBusy(Exception):
    """Another process works on this roll-up."""


@dataclass(frozen=True, slots=True)
class Span:
    """Raw rows with `start <= time < end`, of some projects."""

    start: datetime
    end: datetime
    project_ids: Sequence[int]


def advance(rollup: Rollup, now: datetime, project_ids: ProjectIds, seconds: float = math.inf) -> None:
    """Move the watermark towards `now` in steps of at most an hour, for about so many seconds.

    `project_ids` is asked after the wait for running writers, so that it knows every project with rows.
    """
    target = (now - LAG).replace(second=0, microsecond=0)
    ends_at = time.monotonic() + seconds
    with connect() as connection:
        mark = watermarks.read(connection, rollup.name)
        while mark.closed_to < target and time.monotonic() < ends_at:
            # A step that was killed has published already: its end can't be taken back.
            step_end = max(mark.closing_to, min(target, _next_stop(rollup, mark.closed_to, target)))
            if not watermarks.publish(connection, rollup.name, step_end):
                return
            _ensure_minutes(rollup, mark.closed_to, step_end)
            try:
                with _working_on(connection, rollup):
                    roll_up_to(connection, rollup, step_end, project_ids())
            except RollupBusy:
                return
            mark = watermarks.read(connection, rollup.name)


def _next_stop(rollup: Rollup, closed_to: datetime, target: datetime) -> datetime:
    """The end of the hour, or the next day with a partition where that lies ahead: days without one hold no rows."""
    days = [day for day in partitions.days_of(rollup.raw) if day >= closed_to.date()]
    first = start_of(min(days)) if days else target
    return max(first, floor_hour(closed_to) + HOUR)


def _ensure_minutes(rollup: Rollup, start: datetime, end: datetime) -> None:
    """Make the minute partitions of the days that have raw rows; on a connection of its own, so before the step."""
    days = [day for day in partitions.days_of(rollup.raw) if start.date() <= day <= end.date()]
    partitions.ensure(rollup.minutes.table, days)


def roll_up_to(connection: Connection, rollup: Rollup, end: datetime, project_ids: Sequence[int]) -> None:
    """Roll up [closed_to, end): minutes, a piece of the running hour, whole hours and days that end in it.

    Inside the caller's transaction; `end` must have been published (`watermarks.publish`).
    """
    start = watermarks.read(connection, rollup.name).closed_to
    if start >= end:
        return
    whole_hours = floor_hour(end)
    _fill(connection, rollup.minutes, rollup.raw.time_column, Span(start, end, project_ids))
    if whole_hours > start:
        _refill(
            connection,
            rollup.hours,
            rollup.raw.time_column,
            Span(floor_hour(start), whole_hours, project_ids),
        )
    _fill(
        connection,
        rollup.hours,
        rollup.raw.time_column,
        Span(max(start, whole_hours), end, project_ids),
    )
    for tier in rollup.sets:
        _fill(connection, tier, rollup.raw.time_column, Span(start, end, project_ids))
    if floor_day(end) > start:
        _refill(connection, rollup.days, "bucket", Span(floor_day(start), floor_day(end), project_ids))
    connection.execute("UPDATE rollup_watermarks SET closed_to = %s WHERE raw_table = %s", (end, rollup.name))


def invalidate(rollup: Rollup, project_id: int, start: datetime, end: datetime) -> list[date]:
    """Put whole hours of a project into the log, up to the watermark; returns the frozen days that were left out.

    A frozen day can't be added up again: raw rows of it are gone.
    """
    with connect() as connection:
        mark = watermarks.read(connection, rollup.name)
        frozen = {
            row[0]
            for row in connection.execute(
                "SELECT day FROM frozen_days WHERE raw_table = %s AND project_id = %s AND day BETWEEN %s AND %s",
                (rollup.name, project_id, start.date(), end.date()),
            )
        }
        connection.execute(
            """INSERT INTO rollup_invalidations (raw_table, project_id, hour)
               SELECT %s, %s, hour FROM generate_series(%s::timestamptz, %s::timestamptz, '1 hour') AS hour
               WHERE hour < %s AND (hour AT TIME ZONE 'UTC')::date <> ALL(%s::date[])""",
            (
                rollup.name,
                project_id,
                floor_hour(start),
                min(end, mark.closed_to),
                min(end, mark.closed_to),
                list(frozen),
            ),
        )
    return sorted(frozen)


def recompute(
    rollup: Rollup, seconds: float = math.inf, progress: Callable[[int], None] | None = None
) -> bool:
    """Recompute what the log names, a day of a project at a time, for about so many seconds; True when none is left.

    `progress` is told how many days are left before each.
    """
    ends_at = time.monotonic() + seconds
    with connect() as connection:
        waiting = connection.execute(
            "SELECT project_id, (hour AT TIME ZONE 'UTC')::date AS day FROM rollup_invalidations "
            "WHERE raw_table = %s GROUP BY 1, 2 ORDER BY min(logged_at)",
            (rollup.name,),
        ).fetchall()
        for done, (project_id, day) in enumerate(waiting):
            if progress:
                progress(len(waiting) - done)
            if time.monotonic() > ends_at:
                return False
            partitions.ensure(rollup.minutes.table, [day])
            try:
                with _working_on(connection, rollup):
                    recompute_day(connection, rollup, project_id, day)
            except RollupBusy:
                return False
    return True


def recompute_day(connection: Connection, rollup: Rollup, project_id: int, day: date) -> None:
    """Add up the logged hours of one day of one project again, inside the caller's transaction."""
    start = start_of(day)
    hours = connection.execute(
        "DELETE FROM rollup_invalidations WHERE raw_table = %s AND project_id = %s AND hour >= %s AND hour < %s "
        "RETURNING hour",
        (rollup.name, project_id, start, start + DAY),
    ).fetchall()
    # A statement of its own after the one that took the entries: its snapshot sees every row they speak of.
    closed_to = watermarks.read(connection, rollup.name).closed_to
    if not hours or _is_frozen(connection, rollup, project_id, day):
        return
    column = rollup.raw.time_column
    for first, last in _runs(sorted({row[0].astimezone(UTC) for row in hours})):
        span = Span(first, min(last + HOUR, closed_to), [project_id])
        if span.start < span.end:
            _refill(connection, rollup.minutes, column, span)
            _refill(connection, rollup.hours, column, span)
            for tier in rollup.sets:
                _fill(connection, tier, column, span)
    if start + DAY <= closed_to:
        _refill(connection, rollup.days, "bucket", Span(start, start + DAY, [project_id]))


def _is_frozen(connection: Connection, rollup: Rollup, project_id: int, day: date) -> bool:
    return bool(
        connection.execute(
            "SELECT 1 FROM frozen_days WHERE raw_table = %s AND project_id = %s AND day = %s",
            (rollup.name, project_id, day),
        ).fetchone()
    )


def _runs(hours: Sequence[datetime]) -> Iterator[tuple[datetime, datetime]]:
    """(first, last) of each run of hours that follow each other."""
    first = last = hours[0]
    for hour in hours[1:]:
        if hour - last > HOUR:
            yield first, last
            first = hour
        last = hour
    yield first, last


def _refill(connection: Connection, tier: Tier, time_column: str, span: Span) -> None:
    connection.execute(
        sql.SQL("DELETE FROM {table} WHERE project_id = ANY(%s) AND bucket >= %s AND bucket < %s").format(
            table=sql.Identifier(tier.table.name)
        ),
        (list(span.project_ids), span.start, span.end),
    )
    _fill(connection, tier, time_column, span)


def _fill(connection: Connection, tier: Tier, time_column: str, span: Span) -> None:
    # Literals, not parameters: the planner leaves out the partitions that can't hold rows.
    window = sql.SQL(
        "project_id = ANY({projects}::bigint[]) AND {column} >= {start} AND {column} < {end}"
    ).format(
        projects=sql.Literal(list(span.project_ids)),
        column=sql.Identifier(time_column),
        start=sql.Literal(span.start),
        end=sql.Literal(span.end),
    )
    connection.execute(sql.SQL(tier.fill).format(window=window))


@contextmanager
def _working_on(connection: Connection, rollup: Rollup) -> Iterator[None]:
    """One transaction under the roll-up's lock. Raises RollupBusy when another process has it."""
    with connection.transaction():
        connection.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        # Deletion, late buckets and readers compare in UTC whatever the server's zone is.
        connection.execute("SET LOCAL TIME ZONE 'UTC'")
        taken = connection.execute(
            "SELECT pg_try_advisory_xact_lock(%s, hashtext(%s))", (LOCK_CLASS, rollup.name)
        ).fetchone()
        if taken != (True,):
            raise RollupBusy
        yield


def floor_hour(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def floor_day(moment: datetime) -> datetime:
    return start_of(moment.astimezone(UTC).date())
