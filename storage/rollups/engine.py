"""Rolls up what has become old enough, and again what was invalidated.

Every step is one transaction that deletes the rows of its buckets and adds them up again, so that it may be killed or
repeated at any point. One process at a time works on a roll-up; another one finds the lock taken and leaves.
"""

from __future__ import annotations

import logging
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
from storage.rollups.gate import HOUR, INGEST_LOCK, LOCK_CLASS
from storage.rollups.registry import Rollup, Tier

LAG = timedelta(seconds=90)
"""Clients gather records for up to a minute before they send them; what comes later than this is recomputed."""

DAY = timedelta(days=1)
STATEMENT_TIMEOUT = "10min"
HOURS_AT_ONCE = 6
"""Hours that one recomputation takes, so that a huge day is many short transactions."""

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
ProjectIds = Callable[[], Sequence[int]]


class RollupBusy(Exception):
    """Another process works on this roll-up."""


@dataclass(frozen=True, slots=True)
class Range:
    """Raw rows with `start <= time < end`, of some projects."""

    start: datetime
    end: datetime
    project_ids: Sequence[int]


def advance(rollup: Rollup, now: datetime, project_ids: ProjectIds, seconds: float = math.inf) -> bool:
    """Move the watermark towards `now` in steps of at most an hour, for about so many seconds; True when it is there.

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
                return False
            _ensure_minutes(rollup, mark.closed_to, step_end)
            try:
                with _working_on(connection, rollup):
                    roll_up_to(connection, rollup, step_end, project_ids())
            except RollupBusy:
                return False
            mark = watermarks.read(connection, rollup.name)
        return mark.closed_to >= target


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
    column = rollup.raw.time_column
    for tier in (rollup.minutes, *rollup.sets):
        _fill(connection, tier, column, Range(start, end, project_ids))
    if whole_hours > start:
        for tier in (rollup.hours, *rollup.more_hours):
            _refill(connection, tier, column, Range(floor_hour(start), whole_hours, project_ids))
    _fill(connection, rollup.hours, column, Range(max(start, whole_hours), end, project_ids))
    if floor_day(end) > start:
        _refill(connection, rollup.days, "bucket", Range(floor_day(start), floor_day(end), project_ids))
    connection.execute("UPDATE rollup_watermarks SET closed_to = %s WHERE raw_table = %s", (end, rollup.name))


def invalidate(rollup: Rollup, project_id: int, start: datetime, end: datetime) -> list[date]:
    """Put whole hours of a project into the log, up to the watermark; returns the frozen days that were left out.

    A frozen day can't be added up again: raw rows of it are gone. Days without a partition have nothing to add up.
    """
    stored = set(partitions.days_of(rollup.raw))
    with connect() as connection, connection.transaction():
        # By the writers' gate: a purge either sees these entries and waits, or has frozen its day before.
        connection.execute("SELECT pg_advisory_xact_lock_shared(%s, %s)", (LOCK_CLASS, INGEST_LOCK))
        end = min(end, watermarks.read(connection, rollup.name).closed_to)
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
               WHERE hour < %s AND (hour AT TIME ZONE 'UTC')::date = ANY(%s::date[])""",
            (rollup.name, project_id, floor_hour(start), end, end, sorted(stored - frozen)),
        )
    return sorted(frozen)


def recompute(
    rollup: Rollup, seconds: float = math.inf, progress: Callable[[int], None] | None = None
) -> bool:
    """Recompute what the log names, some hours of a project's day at a time, for about so many seconds.

    True when none is left. `progress` is told how many days are left before each. A day that fails is logged and
    stays in the log; the others go on.
    """
    ends_at = time.monotonic() + seconds
    is_done = True
    with connect() as connection:
        waiting = connection.execute(
            "SELECT project_id, (hour AT TIME ZONE 'UTC')::date AS day FROM rollup_invalidations "
            "WHERE raw_table = %s GROUP BY 1, 2 ORDER BY min(logged_at)",
            (rollup.name,),
        ).fetchall()
        for done, (project_id, day) in enumerate(waiting):
            if progress:
                progress(len(waiting) - done)
            try:
                while True:
                    if time.monotonic() > ends_at:
                        return False
                    if not _recompute_some(connection, rollup, project_id, day):
                        break
            except RollupBusy:
                return False
            except psycopg.Error:
                logger.exception("roll-up of %s: project %s, %s failed", rollup.name, project_id, day)
                # A minute partition that this process knew may have been dropped.
                partitions.forget_known()
                is_done = False
    return is_done


def _recompute_some(connection: Connection, rollup: Rollup, project_id: int, day: date) -> bool:
    """True while the day has more."""
    partitions.ensure(rollup.minutes.table, [day])
    with _working_on(connection, rollup):
        return recompute_day(connection, rollup, project_id, day)


def recompute_day(connection: Connection, rollup: Rollup, project_id: int, day: date) -> bool:
    """Add up the first logged hours of one day of one project again, inside the caller's transaction.

    True when there were as many as one transaction takes, so that more may be left.
    """
    start = start_of(day)
    hours = connection.execute(
        "DELETE FROM rollup_invalidations WHERE raw_table = %s AND project_id = %s AND hour = ANY(ARRAY("
        "SELECT DISTINCT hour FROM rollup_invalidations WHERE raw_table = %s AND project_id = %s "
        "AND hour >= %s AND hour < %s ORDER BY hour LIMIT %s)) RETURNING hour",
        (rollup.name, project_id, rollup.name, project_id, start, start + DAY, HOURS_AT_ONCE),
    ).fetchall()
    # A statement of its own after the one that took the entries: its snapshot sees every row they speak of.
    closed_to = watermarks.read(connection, rollup.name).closed_to
    if not hours or _is_frozen(connection, rollup, project_id, day):
        return False
    added = sorted({row[0].astimezone(UTC) for row in hours})
    column = rollup.raw.time_column
    for first, last in _runs(added):
        part = Range(first, min(last + HOUR, closed_to), [project_id])
        if part.start < part.end:
            _refill(connection, rollup.minutes, column, part)
            for tier in rollup.sets:
                _fill(connection, tier, column, part)
            for tier in (rollup.hours, *rollup.more_hours):
                _refill(connection, tier, column, part)
    if start + DAY <= closed_to:
        _refill(connection, rollup.days, "bucket", Range(start, start + DAY, [project_id]))
    return len(added) == HOURS_AT_ONCE


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


def _refill(connection: Connection, tier: Tier, time_column: str, part: Range) -> None:
    connection.execute(
        sql.SQL("DELETE FROM {table} WHERE project_id = ANY(%s) AND bucket >= %s AND bucket < %s").format(
            table=sql.Identifier(tier.table.name)
        ),
        (list(part.project_ids), part.start, part.end),
    )
    _fill(connection, tier, time_column, part)


def _fill(connection: Connection, tier: Tier, time_column: str, part: Range) -> None:
    # Literals, not parameters: the planner leaves out the partitions that can't hold rows.
    window = sql.SQL(
        "project_id = ANY({projects}::bigint[]) AND {column} >= {start} AND {column} < {end}"
    ).format(
        projects=sql.Literal(list(part.project_ids)),
        column=sql.Identifier(time_column),
        start=sql.Literal(part.start),
        end=sql.Literal(part.end),
    )
    around = {"hour_before": sql.Literal(part.start - HOUR), "end": sql.Literal(part.end)}
    connection.execute(sql.SQL(tier.fill).format(window=window, **around))


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
