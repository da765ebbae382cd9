"""What every ingest transaction does for the roll-ups: enter with a lock and the watermarks, note what is late."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import psycopg

from storage.records import Row, Write
from storage.registry import Table

LOCK_CLASS = 0x7E1F
INGEST_LOCK = 1
HOUR = timedelta(hours=1)

ENTER_SQL = (
    f"SELECT pg_advisory_xact_lock_shared({LOCK_CLASS}, {INGEST_LOCK}); "
    # A statement of its own: its snapshot must be younger than the lock, else a watermark published between the two
    # would be missed by both sides.
    "SELECT raw_table, closing_to FROM rollup_watermarks"
)

Cursor = psycopg.Cursor[Any]
Watermarks = Mapping[str, datetime]
FrozenDay = tuple[str, int, date]
"""(raw table, project, day)."""
_LateHour = tuple[str, int, datetime]


def watermarks_of(cursor: Cursor) -> Watermarks:
    """The answer of ENTER_SQL, wherever in a string of statements it was the last one."""
    while cursor.nextset():
        pass
    return dict(cursor.fetchall())


def is_refused(table: Table, row: Row, frozen: set[FrozenDay], watermarks: Watermarks) -> bool:
    """Whether a row is late for a frozen day; one that is on time is added up with the hours that still run."""
    moment = row[table.position(table.time_column)]
    is_late = table.name in watermarks and moment < watermarks[table.name]
    return is_late and (table.name, row[table.position("project_id")], moment.date()) in frozen


def note_late(cursor: Cursor, writes: Iterable[Write], watermarks: Watermarks) -> set[FrozenDay]:
    """Note the late rows of all writes in the log; returns the frozen days among theirs.

    Rows of a frozen day must not be stored: what was added up of that day can't be made again. One statement for a
    whole group, because the single events of 64 clients share one; one comparison a write where nothing is late.
    """
    late: set[_LateHour] = set()
    for write in writes:
        closing_to = watermarks.get(write.table.name)
        if closing_to is not None and write.oldest is not None and write.oldest < closing_to:
            late |= _late_hours(write, closing_to)
    return _noted(cursor, late) if late else set()


def _late_hours(write: Write, closing_to: datetime) -> set[_LateHour]:
    project = write.table.position("project_id")
    moment = write.table.position(write.table.time_column)
    hours = {
        (row[project], row[moment].date(), row[moment].hour) for row in write.rows if row[moment] < closing_to
    }
    late = {(project_id, datetime.combine(day, time(hour), UTC)) for project_id, day, hour in hours}
    if write.reaches_next_hour:
        late |= {(project_id, hour + HOUR) for project_id, hour in late if hour + HOUR < closing_to}
    return {(write.table.name, project_id, hour) for project_id, hour in late}


def _noted(cursor: Cursor, late: Iterable[_LateHour]) -> set[FrozenDay]:
    # Appended without a unique key: a writer must never wait for the recomputation that removes such rows.
    tables, projects, hours = zip(*late, strict=True)
    cursor.execute(
        "WITH late AS MATERIALIZED (SELECT *, (hour AT TIME ZONE 'UTC')::date AS day"
        "  FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[]) AS late (raw_table, project_id, hour)), "
        "frozen AS MATERIALIZED (SELECT DISTINCT raw_table, project_id, day"
        "  FROM late JOIN frozen_days USING (raw_table, project_id, day)), "
        "noted AS (INSERT INTO rollup_invalidations (raw_table, project_id, hour)"
        "  SELECT raw_table, project_id, hour FROM late LEFT JOIN frozen USING (raw_table, project_id, day)"
        "  WHERE frozen.day IS NULL) "
        "SELECT raw_table, project_id, day FROM frozen",
        (list(tables), list(projects), list(hours)),
    )
    return set(cursor.fetchall())
