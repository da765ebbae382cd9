"""One event per request over 64 connections, against a view on the same server that does nothing."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import database
from benchmarks.benchmark import Bench, Benchmark
from benchmarks.events import PATH, TABLE, single_requests
from benchmarks.jobs import Job, run_together, wall_seconds
from benchmarks.load import prepare_load
from benchmarks.report import Row, percentile

CONNECTIONS = 64
NOOP_PATH = "/noop"


def run(bench: Bench) -> Sequence[Row]:
    platform = bench.start_platform(WEB_WORKERS="1")
    port = platform.start_web("benchmarks.noop.settings")
    count = bench.pick(small=2_000, full=20_000)
    cpu_seconds: list[float] = []
    p99_ms: list[float] = []

    def requests_per_second(path: str) -> float:
        database.empty_tables(platform.database_url, TABLE.name)
        timed = run_together([Job(prepare_load, port, CONNECTIONS, single_requests, 1, count, path)])
        timed[0].value.check()
        cpu_seconds.append(timed[0].cpu_seconds / wall_seconds(timed))
        if path == PATH:
            p99_ms.append(1000 * percentile(timed[0].value.seconds, 0.99))
        return count / wall_seconds(timed)

    ours, theirs = bench.alternate(
        lambda: requests_per_second(PATH), lambda: requests_per_second(NOOP_PATH), rounds=3
    )
    notes = [
        f"client CPU at most {max(cpu_seconds):.0%} of one core",
        f"p99 of an event, worst round: {max(p99_ms):.0f} ms",
    ]
    return [Row("ingest_single", 0.5, "requests/s", ours=ours, theirs=theirs, notes=notes)]


BENCHMARK = Benchmark("ingest_single", run)
