"""SQL that reads roll-ups and the raw rows they don't hold yet, in one statement: one snapshot, so always exact.

Queries name parameters `%(project_id)s`, `%(start)s` and `%(end)s`; start and end lie on the tier's buckets.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from django.db import connection

from storage.distribution.obstacles import has_citus
from storage.rollups.registry import Rollup, Tier

TierName = Literal["minutes", "hours", "days"]

_IN_RANGE = "project_id = %(project_id)s AND bucket >= %(start)s AND bucket < %(end)s"

# Once old data has been loaded, thousands of hours are invalid, and the planner may take them for one. So that no row
# is compared with each of them: NOT IN, and IN that IS TRUE, are always hash tables, NOT EXISTS and IN only sometimes.
_VALID_HOUR = "date_trunc('hour', bucket, 'UTC') NOT IN (SELECT invalid_hour FROM invalid)"


@dataclass(frozen=True, slots=True)
class Source:
    """What stands after FROM and after WHERE, so that all sources together hold every row once."""

    table: str
    where: str


def parts(
    rollup: Rollup, tier: TierName, rolled: str, raw: str, where: str = "true", *, raw_rows: str = ""
) -> str:
    """A `UNION ALL` of roll-up rows, read with the select list `rolled`, and raw rows, read with `raw`.

    Stands after `WITH {state(rollup)}`. Columns are named bare; `where` names those that both kinds of tables have.
    Several rows come for one bucket: group and add them up. `raw_rows` is what is read instead of the raw table.
    """
    selected = [(rolled, source) for source in rolled_sources(rollup, tier, where)]
    selected += [(raw, source) for source in raw_sources(rollup, where, raw_rows)]
    return " UNION ALL ".join(
        f"SELECT {columns} FROM {source.table} WHERE {source.where}" for columns, source in selected
    )


def raw_sources(rollup: Rollup, where: str = "true", rows: str = "") -> list[Source]:
    """Raw rows that no roll-up holds: after the watermark, and of invalid hours before it."""
    time = f'"{rollup.raw.time_column}"'
    closed_to = "(SELECT closed_to FROM closed)"
    in_range = f"project_id = %(project_id)s AND {time} >= %(start)s AND {time} < %(end)s AND ({where})"
    if rows:
        # A join would be dearer than a look at the hours between the first and the last, and Citus doesn't run it.
        hours = (
            f"{time} >= (SELECT min(invalid_hour) FROM invalid) "
            f"AND {time} < (SELECT max(invalid_hour) + interval '1 hour' FROM invalid) AND {time} < {closed_to} "
            f"AND (date_trunc('hour', {time}, 'UTC') IN (SELECT invalid_hour FROM invalid)) IS TRUE"
        )
        return [
            Source(rows, f"{in_range} AND {time} >= {closed_to}"),
            Source(rows, f"{in_range} AND {hours}"),
        ]
    return [
        Source(rollup.name, f"{in_range} AND {time} >= {closed_to}"),
        _of_each(
            "invalid",
            rollup.name,
            f"{in_range} AND {time} >= invalid_hour "
            f"AND {time} < least(invalid_hour + interval '1 hour', {closed_to})",
        ),
    ]


def rolled_sources(rollup: Rollup, tier: TierName, where: str = "true") -> list[Source]:
    """Roll-up rows of valid hours. Days that still run, or wait for recomputation, come from their hours."""
    in_range = f"{_IN_RANGE} AND ({where})"
    if tier == "days":
        hours, running_day = (
            rollup.hours.table.name,
            "(SELECT date_trunc('day', closed_to, 'UTC') FROM closed)",
        )
        invalid_days = "SELECT DISTINCT date_trunc('day', invalid_hour, 'UTC') AS day FROM invalid"
        # Two sources of hours, each with bounds that an index can use: "not of a whole day" would read them all.
        return [
            Source(
                rollup.days.table.name,
                f"{in_range} AND bucket < {running_day} AND bucket NOT IN ({invalid_days})",
            ),
            Source(hours, f"{in_range} AND {_VALID_HOUR} AND bucket >= {running_day}"),
            _of_each(
                f"({invalid_days}) AS invalid_days",
                hours,
                f"{in_range} AND {_VALID_HOUR} "
                f"AND bucket >= day AND bucket < least(day + interval '1 day', {running_day})",
            ),
        ]
    return [hours_of(rollup.hours if tier == "hours" else rollup.minutes, where)]


def _of_each(ranges: str, table: str, where: str) -> Source:
    """The rows of a table in each of these ranges.

    By an index scan each: OFFSET 0 keeps the planner from joining them in another order, for which it has no reason but
    estimates. Citus runs no such look-up over what it distributes; there it stays a join.
    """
    if _on_citus():
        return Source(f"{ranges} CROSS JOIN {table}", where)
    rows = f"SELECT * FROM {table} WHERE {where} OFFSET 0"
    return Source(f"{ranges} CROSS JOIN LATERAL ({rows}) AS {table}", "true")


@cache
def _on_citus() -> bool:
    """Asked once in a process: the platform is stopped while tables are distributed."""
    connection.ensure_connection()
    with connection.wrap_database_errors:
        return has_citus(connection.connection)


def hours_of(tier: Tier, where: str = "true") -> Source:
    """Rows of valid hours of a tier that is made by the minute or the hour."""
    return Source(tier.table.name, f"{_IN_RANGE} AND ({where}) AND {_VALID_HOUR}")


def whole_hours_of(tier: Tier, where: str = "true") -> Source:
    """Rows of one of `more_hours`. Stands, as the raw sources beside it, after `state(rollup, whole_hours=True)`."""
    return hours_of(tier, f"({where}) AND bucket < (SELECT closed_to FROM closed)")


def state(rollup: Rollup, *, whole_hours: bool = False, cut_hours: bool = False) -> str:
    """The common table expressions that `parts` refers to; with `whole_hours` the running hour comes from raw rows.

    With `cut_hours` so do those that start and end lie in, which then may lie anywhere.
    """
    closed_to = "date_trunc('hour', closed_to, 'UTC') AS closed_to" if whole_hours else "closed_to"
    cut = """
            UNION SELECT date_trunc('hour', edge, 'UTC') FROM unnest(ARRAY[%(start)s, %(end)s]::timestamptz[]) AS edge
            WHERE edge <> date_trunc('hour', edge, 'UTC')"""
    return f"""
        closed AS MATERIALIZED (SELECT {closed_to} FROM rollup_watermarks WHERE raw_table = '{rollup.name}'),
        invalid AS MATERIALIZED (
            SELECT DISTINCT hour AS invalid_hour FROM rollup_invalidations
            WHERE raw_table = '{rollup.name}' AND project_id = %(project_id)s
              AND hour > %(start)s - interval '1 hour' AND hour < %(end)s{cut if cut_hours else ""}
        )"""
