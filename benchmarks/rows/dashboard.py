"""A month of hourly counts of ten event names: roll-ups, against GROUP BY over the raw events and against DuckDB."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import psycopg

from benchmarks import pages, reads
from benchmarks.benchmark import ROUNDS, Bench, Benchmark
from benchmarks.inside import prepare_dashboard
from benchmarks.jobs import Job
from benchmarks.month import Month, make_month
from benchmarks.report import Row
from benchmarks.running import PlatformError

NAMES = 10
REPEATS = 7
"""The median of so many calls counts: one call is over in some milliseconds."""

_QUERY = """
    SELECT event_name, {array}(event_count) FROM (
        SELECT event_name, date_trunc('hour', event_timestamp) AS hour, count(*) AS event_count
        FROM telemetry_events
        WHERE project_id = {project} AND event_timestamp >= '{start}' AND event_timestamp < '{end}'
        GROUP BY 1, 2 ORDER BY 1, 2
    ) AS hours GROUP BY 1
"""


def run(bench: Bench) -> Sequence[Row]:
    month = make_month(bench, bench.pick(small=300_000, full=10_000_000))
    job = Job(prepare_dashboard, month.platform.environ(), month.project_id, month.start, month.end)
    job.wait_until_prepared()
    bench.stack.callback(job.close)

    def ours() -> float:
        return _median_ms(lambda: _total(_go(job)), month.event_count)

    raw = _by_group_by(month)
    against_raw = bench.alternate(ours, lambda: _median_ms(raw, month.event_count, repeats=1))
    notes = [f"{month.event_count:,} events in 30 days, as many before; {NAMES} names by the hour"]
    rows = [Row("dashboard", 100, "ms", "lower", ours=against_raw[0], theirs=against_raw[1], notes=notes)]
    rows.append(_against_duckdb(bench, month, ours))
    return [*rows, *reads.rows(bench, month), *pages.rows(bench, month)]


def _against_duckdb(bench: Bench, month: Month, ours: Callable[[], float]) -> Row:
    try:
        import duckdb
    except ImportError:
        return Row("dashboard_duckdb", 2, "ms", "lower", reason="duckdb has no package for this system")
    bench.progress.say("copying the events into DuckDB")
    csv = bench.folder / "events.csv"
    with psycopg.connect(month.platform.database_url) as connection, csv.open("wb") as file:
        columns = "project_id, event_timestamp AT TIME ZONE 'UTC' AS event_timestamp, event_name, duration_ms"
        with connection.cursor().copy(
            f"COPY (SELECT {columns} FROM telemetry_events) TO STDOUT (FORMAT csv, HEADER)".encode()
        ) as copy:
            for data in copy:
                file.write(data)
    database = bench.stack.enter_context(duckdb.connect(str(bench.folder / "events.duckdb")))
    database.execute(f"CREATE TABLE telemetry_events AS SELECT * FROM read_csv('{csv}')")
    csv.unlink()
    query = _query(month, array="list", zone="")

    def counted() -> int:
        return sum(sum(counts) for _, counts in database.execute(query).fetchall())

    counted()  # warm, as a server that answers it all day is
    found = bench.alternate(ours, lambda: _median_ms(counted, month.event_count), rounds=ROUNDS)
    return Row("dashboard_duckdb", 2, "ms", "lower", ours=found[0], theirs=found[1])


def _query(month: Month, *, array: str, zone: str) -> str:
    return _QUERY.format(
        array=array,
        project=month.project_id,
        start=f"{month.start:%Y-%m-%d %H:%M:%S}{zone}",
        end=f"{month.end:%Y-%m-%d %H:%M:%S}{zone}",
    )


def _by_group_by(month: Month) -> Callable[[], int]:
    connection = psycopg.connect(month.platform.database_url, autocommit=True)
    query = _query(month, array="array_agg", zone="+00").encode()

    def counted() -> int:
        return int(sum(sum(counts) for _, counts in connection.execute(query).fetchall()))

    counted()
    return counted


def _go(job: Job[dict[str, list[int]]]) -> dict[str, list[int]]:
    job.go()
    return job.result().value


def _total(counts: dict[str, list[int]]) -> int:
    return sum(map(sum, counts.values()))


def _median_ms(counted: Callable[[], int], expected: int, repeats: int = REPEATS) -> float:
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        total = counted()
        seconds.append(time.perf_counter() - began)
        if total != expected:
            raise PlatformError(f"a query counted {total:,} of {expected:,} events")
    return 1000 * statistics.median(seconds)


BENCHMARK = Benchmark(
    "dashboard",
    run,
    more=("dashboard_duckdb", "read_events", "read_summary", "read_chart", "read_alerts", *pages.PAGES),
)
