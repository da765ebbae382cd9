"""A month of hourly counts of ten event names: roll-ups, against GROUP BY over the raw events and against DuckDB.

Whatever else reads a store that is full comes along, as filling it takes most of the time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence

import psycopg

from benchmarks import duck, funnels, pages, reads, retention
from benchmarks.benchmark import ROUNDS, Bench, Benchmark
from benchmarks.inside import prepare_dashboard
from benchmarks.jobs import Job
from benchmarks.report import Row
from benchmarks.running import PlatformError
from benchmarks.store import NAMES, Store, make_store

_ROWS = ("dashboard", "dashboard_duckdb")
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
    store = make_store(bench)
    parts: dict[Sequence[str], Callable[[Bench, Store], Sequence[Row]]] = {
        _ROWS: _rows,
        funnels.ROWS: funnels.rows,
        retention.ROWS: retention.rows,
        reads.ROWS: reads.rows,
        tuple(pages.PAGES): pages.rows,
    }
    return [row for names, rows in parts.items() if bench.only in ("", *names) for row in rows(bench, store)]


def _rows(bench: Bench, store: Store) -> Sequence[Row]:
    job = Job(prepare_dashboard, store.platform.environ(), store.project_id, store.month_start, store.end)
    job.wait_until_prepared()
    bench.stack.callback(job.close)

    def ours() -> float:
        return _median_ms(lambda: _total(_go(job)), store.month_event_count)

    raw = _by_group_by(store)
    against_raw = bench.alternate(ours, lambda: _median_ms(raw, store.month_event_count, repeats=1))
    notes = [f"{store.month_event_count:,} events in 30 days, as many before; {NAMES} names by the hour"]
    rows = [Row("dashboard", 100, "ms", "lower", ours=against_raw[0], theirs=against_raw[1], notes=notes)]
    rows.append(_against_duckdb(bench, store, ours))
    return rows


def _against_duckdb(bench: Bench, store: Store, ours: Callable[[], float]) -> Row:
    columns = "project_id, event_timestamp AT TIME ZONE 'UTC' AS event_timestamp, event_name, duration_ms"
    database = duck.copy_events(bench, store, "dashboard", columns, store.start)
    if database is None:
        return Row("dashboard_duckdb", 2, "ms", "lower", reason=duck.MISSING)
    query = _query(store, array="list", zone="")

    def counted() -> int:
        return sum(sum(counts) for _, counts in database.execute(query).fetchall())

    counted()  # warm, as a server that answers it all day is
    found = bench.alternate(ours, lambda: _median_ms(counted, store.month_event_count), rounds=ROUNDS)
    return Row("dashboard_duckdb", 2, "ms", "lower", ours=found[0], theirs=found[1])


def _query(store: Store, *, array: str, zone: str) -> str:
    return _QUERY.format(
        array=array,
        project=store.project_id,
        start=f"{store.month_start:%Y-%m-%d %H:%M:%S}{zone}",
        end=f"{store.end:%Y-%m-%d %H:%M:%S}{zone}",
    )


def _by_group_by(store: Store) -> Callable[[], int]:
    connection = psycopg.connect(store.platform.database_url, autocommit=True)
    query = _query(store, array="array_agg", zone="+00").encode()

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
    "dashboard", run, more=(*_ROWS, *funnels.ROWS, *retention.ROWS, *reads.ROWS, *pages.PAGES)
)
