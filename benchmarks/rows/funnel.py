"""A funnel of 4 steps over a month of 10 M events of 1 M people, against the same in DuckDB and against a second.

Retention over the same people comes along.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import psycopg

from benchmarks import retention
from benchmarks.benchmark import ROUNDS, Bench, Benchmark
from benchmarks.inside import prepare_funnel
from benchmarks.jobs import Job
from benchmarks.product import Product, make_product
from benchmarks.report import Row
from benchmarks.running import PlatformError

if TYPE_CHECKING:
    import duckdb

STEPS = ("event_1", "event_2", "event_3", "event_4")
LIMIT_MS = 1000.0
WINDOW_MINUTES = 7 * 24 * 60
THREADS = 2

_COLUMNS = "event_timestamp AT TIME ZONE 'UTC' AS event_timestamp, event_name, user_id"

# The greedy way: everybody's first event of a step after the one found before. Without limits that is exact.
_FIRST = """step_1 AS (
    SELECT user_id, min(event_timestamp) AS reached_at FROM events WHERE event_name = '{name}' GROUP BY 1)"""
_NEXT = """step_{number} AS (
    SELECT user_id, min(event_timestamp) AS reached_at FROM events JOIN step_{before} USING (user_id)
    WHERE event_name = '{name}' AND event_timestamp > step_{before}.reached_at GROUP BY 1)"""


def run(bench: Bench) -> Sequence[Row]:
    product = make_product(bench)
    ask, ask_in_window = _asker(bench, product), _asker(bench, product, window_minutes=WINDOW_MINUTES)
    counts = ask()
    ask_in_window()
    found = [1000 * _seconds(ask) for _ in range(ROUNDS)]
    limited = [1000 * _seconds(ask_in_window) for _ in range(ROUNDS)]
    limit = [LIMIT_MS] * ROUNDS
    reached = ", ".join(f"{count:,}" for count in counts)
    notes = [
        f"{product.month_event_count:,} events in 30 days, {product.people:,} people; counts, medians and means",
        f"reached: {reached}",
    ]
    return [
        _against_duckdb(bench, product, ask, counts),
        Row("funnel_seconds", 1, "ms", "lower", ours=found, theirs=limit, notes=notes),
        Row("funnel_window", 1, "ms", "lower", ours=limited, theirs=limit, notes=["within 7 days"]),
        *retention.rows(bench, product),
    ]


def _asker(bench: Bench, product: Product, **more: object) -> Callable[[], list[int]]:
    """Asks the platform's own code in a process of its own; gives the counts by step."""
    question = {
        "steps": [{"event_name": name} for name in STEPS],
        "start": product.month_start.isoformat(),
        "end": product.end.isoformat(),
        **more,
    }
    job = Job(prepare_funnel, product.platform.environ(), product.project_id, question)
    job.wait_until_prepared()
    bench.stack.callback(job.close)

    def ask() -> list[int]:
        job.go()
        return job.result().value

    return ask


def _against_duckdb(bench: Bench, product: Product, ask: Callable[[], list[int]], counts: list[int]) -> Row:
    try:
        import duckdb
    except ImportError:
        return Row("funnel", 1, "ms", "lower", reason="duckdb has no package for this system")
    bench.progress.say("copying the events into DuckDB")
    csv = bench.folder / "product.csv"
    everything = f"COPY (SELECT {_COLUMNS} FROM telemetry_events) TO STDOUT (FORMAT csv, HEADER)".encode()
    with (
        csv.open("wb") as file,
        psycopg.connect(product.platform.database_url) as connection,
        connection.cursor().copy(everything) as copy,
    ):
        for data in copy:
            file.write(data)
    database = bench.stack.enter_context(duckdb.connect(str(bench.folder / "product.duckdb")))
    database.execute(f"SET threads = {THREADS}")
    database.execute(
        f"CREATE TABLE events AS SELECT * FROM read_csv('{csv}') "
        f"WHERE event_timestamp >= '{product.month_start:%Y-%m-%d}'"
    )
    csv.unlink()

    def theirs() -> list[int]:
        return _counted(database)

    # Warm, as a server that answers it all day is.
    if theirs() != counts:
        raise PlatformError(f"DuckDB counted {theirs()}, we {counts}")
    found = bench.alternate(lambda: 1000 * _seconds(ask), lambda: 1000 * _seconds(theirs))
    notes = [f"DuckDB with {THREADS} threads: counts alone, on a table of the month, by the greedy way"]
    return Row("funnel", 1, "ms", "lower", ours=found[0], theirs=found[1], notes=notes)


def _counted(database: duckdb.DuckDBPyConnection) -> list[int]:
    steps = [_FIRST.format(name=STEPS[0])]
    steps += [
        _NEXT.format(number=number, before=number - 1, name=name)
        for number, name in enumerate(STEPS[1:], start=2)
    ]
    counted = ", ".join(f"(SELECT count(*) FROM step_{number + 1})" for number in range(len(STEPS)))
    (row,) = database.execute(f"WITH {', '.join(steps)} SELECT {counted}").fetchall()
    return list(row)


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


BENCHMARK = Benchmark("funnel", run, more=("funnel_seconds", "funnel_window", *retention.ROWS))
