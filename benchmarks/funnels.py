"""A funnel of 4 steps over a month of 10 M events of 1 M people, against the same in DuckDB and against a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from benchmarks import duck
from benchmarks.benchmark import ROUNDS, Bench
from benchmarks.inside import prepare_funnel
from benchmarks.jobs import Job
from benchmarks.report import Row
from benchmarks.running import PlatformError
from benchmarks.store import Store

if TYPE_CHECKING:
    import duckdb

ROWS = ("funnel", "funnel_seconds", "funnel_window")
STEPS = ("event_1", "event_2", "event_3", "event_4")
LIMIT_MS = 1000.0
WINDOW_MINUTES = 7 * 24 * 60
THREADS = 2

_COLUMNS = "event_timestamp AT TIME ZONE 'UTC' AS event_timestamp, event_name, user_id"

# The greedy way: everybody's first event of a step after the one found before. Without limits that is exact.
_FIRST = """step_1 AS (
    SELECT user_id, min(event_timestamp) AS reached_at FROM telemetry_events WHERE event_name = '{name}' GROUP BY 1)"""
_NEXT = """step_{number} AS (
    SELECT user_id, min(event_timestamp) AS reached_at FROM telemetry_events JOIN step_{before} USING (user_id)
    WHERE event_name = '{name}' AND event_timestamp > step_{before}.reached_at GROUP BY 1)"""


def rows(bench: Bench, store: Store) -> Sequence[Row]:
    """Counts against DuckDB; then with the seconds between steps, and within 7 days, against a second."""
    ask, ask_in_window = _asker(bench, store), _asker(bench, store, window_minutes=WINDOW_MINUTES)
    counts = ask()
    ask_in_window()
    found = [1000 * _seconds(ask) for _ in range(ROUNDS)]
    limited = [1000 * _seconds(ask_in_window) for _ in range(ROUNDS)]
    limit = [LIMIT_MS] * ROUNDS
    reached = ", ".join(f"{count:,}" for count in counts)
    notes = [
        f"{store.month_event_count:,} events in 30 days, {store.people:,} people; counts, medians and means",
        f"reached: {reached}",
    ]
    return [
        _against_duckdb(bench, store, ask, counts),
        Row("funnel_seconds", 1, "ms", "lower", ours=found, theirs=limit, notes=notes),
        Row("funnel_window", 1, "ms", "lower", ours=limited, theirs=limit, notes=["within 7 days"]),
    ]


def _asker(bench: Bench, store: Store, **more: object) -> Callable[[], list[int]]:
    """Asks the platform's own code in a process of its own; gives the counts by step."""
    question = {
        "steps": [{"event_name": name} for name in STEPS],
        "start": store.month_start.isoformat(),
        "end": store.end.isoformat(),
        **more,
    }
    job = Job(prepare_funnel, store.platform.environ(), store.project_id, question)
    job.wait_until_prepared()
    bench.stack.callback(job.close)

    def ask() -> list[int]:
        job.go()
        return job.result().value

    return ask


def _against_duckdb(bench: Bench, store: Store, ask: Callable[[], list[int]], counts: list[int]) -> Row:
    database = duck.copy_events(bench, store, "funnel", _COLUMNS, store.month_start)
    if database is None:
        return Row("funnel", 1, "ms", "lower", reason=duck.MISSING)
    database.execute(f"SET threads = {THREADS}")

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
