"""Roll-ups in the middle of their life, as on a platform that has run for long."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, date, datetime

from psycopg import sql

from projects.models import Project
from storage import partitions, purging
from storage.connections import connect
from storage.partitions import start_of
from storage.rollups import engine, removal, watermarks
from storage.rollups.engine import DAY, floor_hour
from storage.rollups.gate import HOUR
from storage.rollups.registry import Rollup


def begin_rollups_now() -> None:
    """Everything before this hour counts as rolled up: older rows sent from now on are late, and noted as such."""
    hour = floor_hour(datetime.now(UTC))
    with connect() as own:
        own.execute(
            "UPDATE rollup_watermarks SET closing_to = greatest(closing_to, %(hour)s), "
            "closed_to = greatest(closing_to, %(hour)s)",
            {"hour": hour},
        )


def roll_everything_up(rollup: Rollup, project_id: int) -> None:
    """What a project has sent so far, but for the last minutes, is read from roll-ups alone after this.

    Hours that have passed come into them as late ones do; `advance`, which takes them hour by hour on a platform that
    runs, is what the tests of the roll-ups try.
    """
    _skip_to_this_hour(rollup, project_id)
    engine.advance(rollup, datetime.now(UTC), lambda: [project_id])
    # Advancing leaves what lies before the watermark to the log of late rows.
    assert engine.recompute(rollup)
    with connect() as own:
        counts = own.execute(
            f"SELECT (SELECT count(*) FROM {rollup.hours.table.name} WHERE project_id = %(project_id)s) > 0, "
            "(SELECT count(*) FROM rollup_invalidations "
            "WHERE raw_table = %(raw_table)s AND project_id = %(project_id)s)",
            {"project_id": project_id, "raw_table": rollup.name},
        ).fetchone()
    assert counts == (True, 0)


def _skip_to_this_hour(rollup: Rollup, project_id: int) -> None:
    """Leave the project's past to the log of late rows.

    Advancing would take a step for each hour of each day that any test before has stored something in: seconds. The
    past of other projects is left out: where theirs counts as well, `begin_rollups_now` has to come before they send.
    """
    with connect() as own, own.transaction():
        mark = watermarks.read(own, rollup.name)
        end = max(mark.closing_to, floor_hour(datetime.now(UTC)))
        hours = sql.SQL(
            "SELECT DISTINCT date_trunc('hour', {time}, 'UTC') FROM {table} "
            "WHERE project_id = %s AND {time} >= %s AND {time} < %s"
        ).format(time=sql.Identifier(rollup.raw.time_column), table=sql.Identifier(rollup.name))
        late = own.execute(hours, (project_id, mark.closed_to, end)).fetchall()
        own.cursor().executemany(
            "INSERT INTO rollup_invalidations (raw_table, project_id, hour) VALUES (%s, %s, %s)",
            [(rollup.name, project_id, hour) for (hour,) in late],
        )
        own.execute(
            "UPDATE rollup_watermarks SET closing_to = %(end)s, closed_to = %(end)s WHERE raw_table = %(raw_table)s",
            {"end": end, "raw_table": rollup.name},
        )


class Killed(Exception):
    """The process died between the raw rows and the end of the roll-up's transaction."""


def killed_step(rollup: Rollup, project: Project) -> None:
    """Everything a step does, except its commit."""
    with connect() as own:
        start = watermarks.read(own, rollup.name).closed_to
        end = start + HOUR
        partitions.ensure(rollup.minutes.table, [start.date(), end.date()])
        assert watermarks.publish(own, rollup.name, end)
        with suppress(Killed), own.transaction():
            engine.roll_up_to(own, rollup, end, [project.pk])
            raise Killed


def purge(rollup: Rollup, project: Project, day: date) -> set[date]:
    """Purge raw rows to the end of the day; returns the days that lost rows. All that may go has to go."""
    stored, end = raw_moments(rollup, project), start_of(day) + DAY
    with connect() as own:
        rolled_up_to = removal.rolled_up_to(own, rollup.name)
        assert rolled_up_to
        waiting = own.execute(
            "SELECT DISTINCT (hour AT TIME ZONE 'UTC')::date FROM rollup_invalidations "
            "WHERE raw_table = %s AND project_id = %s",
            (rollup.name, project.pk),
        ).fetchall()
    kept_days = {row[0] for row in waiting}
    removed = [one for one in stored if one < min(end, rolled_up_to) and one.date() not in kept_days]
    assert purging.delete(purging.Expired(rollup.raw, None, end, [project.pk])).count == len(removed)
    assert raw_moments(rollup, project) == [one for one in stored if one not in removed]
    return {one.date() for one in removed}


def raw_moments(rollup: Rollup, project: Project) -> list[datetime]:
    query = sql.SQL("SELECT {time} FROM {table} WHERE project_id = %s ORDER BY 1").format(
        time=sql.Identifier(rollup.raw.time_column), table=sql.Identifier(rollup.name)
    )
    with connect() as own:
        return [row[0].astimezone(UTC) for row in own.execute(query, (project.pk,))]


def frozen_days(rollup: Rollup, project: Project) -> set[date]:
    query = "SELECT day FROM frozen_days WHERE raw_table = %s AND project_id = %s"
    with connect() as own:
        return {row[0] for row in own.execute(query, (rollup.name, project.pk))}


def refusals(rollup: Rollup, moments: Sequence[datetime], frozen: set[date]) -> list[tuple[int, str]]:
    """(index, code) of what has to be refused: late, and of a frozen day.

    A day may be frozen while it still runs: what comes after the watermark isn't added up yet, and so is welcome.
    """
    with connect() as own:
        closing_to = watermarks.read(own, rollup.name).closing_to
    return [
        (index, "too_old")
        for index, moment in enumerate(moments)
        if moment.date() in frozen and moment < closing_to
    ]
