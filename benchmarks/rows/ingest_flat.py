"""`ingest_batch` into tables that hold 40 M events already, against empty ones."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql

from benchmarks import database, fill
from benchmarks.benchmark import Bench, Benchmark
from benchmarks.events import TABLE
from benchmarks.ingest import BatchRuns
from benchmarks.report import Row
from benchmarks.running import RunningPlatform
from storage.partitions import partition_name

SPREAD_DAYS = 30
WEB_WORKERS = 1


def run(bench: Bench) -> Sequence[Row]:
    platform = bench.start_platform(WEB_WORKERS=str(WEB_WORKERS))
    runs = BatchRuns(platform, bench.pick(small=40, full=300), WEB_WORKERS)
    today = datetime.now(UTC).date()
    row_count = bench.pick(small=200_000, full=20_000_000)
    days = _fill(bench, platform, today, row_count)

    def filled() -> float:
        _swap(platform.database_url, days, to_filled=True)
        return runs.through_the_door()

    def empty() -> float:
        _swap(platform.database_url, days, to_filled=False)
        runs.emptied()
        return runs.through_the_door()

    # Five rounds would take the time that making 40 M rows leaves for nothing else.
    ours, theirs = bench.alternate(filled, empty, rounds=3)
    notes = [
        f"{row_count:,} rows in today's partition and as many over {SPREAD_DAYS} days",
        runs.client_note(),
    ]
    return [Row("ingest_flat", 0.9, "events/s", ours=ours, theirs=theirs, notes=notes)]


def _fill(bench: Bench, platform: RunningPlatform, today: date, row_count: int) -> list[date]:
    """Filled tables beside the empty partitions; returns their days."""
    url = platform.database_url
    project_id = database.first_project_id(url)
    days = [today - timedelta(days=age) for age in range(SPREAD_DAYS + 1)]
    passed_hours = datetime.now(UTC).hour + datetime.now(UTC).minute / 60
    for number, day in enumerate(days):
        bench.progress.advance(number, len(days), "filling days")
        count = row_count // SPREAD_DAYS if number else row_count
        hours = 24 if number else passed_hours
        fill.fill_day(url, _filled(day), project_id, day, count, until_hour=hours, vacuumed=True)
        with psycopg.connect(url) as connection:
            _make_empty_partition(connection, day)
    return days


def _make_empty_partition(connection: psycopg.Connection[tuple[object, ...]], day: date) -> None:
    name = partition_name(TABLE.name, day)
    if connection.execute("SELECT to_regclass(%s)", (name,)).fetchone() == (None,):
        connection.execute(
            sql.SQL("CREATE TABLE {} (LIKE {} INCLUDING ALL)").format(
                sql.Identifier(name), sql.Identifier(TABLE.name)
            )
        )
        fill.attach_partition(connection, name, day)


def _filled(day: date) -> str:
    return f"bench_filled_{day:%Y%m%d}"


def _swap(url: str, days: list[date], *, to_filled: bool) -> None:
    """Put the filled tables, or the empty ones, in the partitions' places, and leave no dirty page behind."""
    with closing(psycopg.connect(url)) as connection, connection.transaction():
        is_filled = connection.execute("SELECT to_regclass(%s)", (_filled(days[0]),)).fetchone() == (None,)
        if is_filled != to_filled:
            for day in days:
                _exchange(connection, day, out_to=_empty(day) if to_filled else _filled(day),
                          in_from=_filled(day) if to_filled else _empty(day))  # fmt: skip
    database.empty_tables(url)


def _empty(day: date) -> str:
    return f"bench_empty_{day:%Y%m%d}"


def _exchange(
    connection: psycopg.Connection[tuple[object, ...]], day: date, *, out_to: str, in_from: str
) -> None:
    place = partition_name(TABLE.name, day)
    names = {
        "table": sql.Identifier(TABLE.name),
        "place": sql.Identifier(place),
        "out": sql.Identifier(out_to),
        "in": sql.Identifier(in_from),
    }
    for statement in (
        "ALTER TABLE {table} DETACH PARTITION {place}",
        "ALTER TABLE {place} RENAME TO {out}",
        "ALTER TABLE {in} RENAME TO {place}",
    ):
        connection.execute(sql.SQL(statement).format(**names))
    fill.attach_partition(connection, place, day)


BENCHMARK = Benchmark("ingest_flat", run)
