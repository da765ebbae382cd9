"""Batches of 1,000 events over 8 connections, against psycopg's COPY of ready tuples."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.benchmark import Bench, Benchmark
from benchmarks.ingest import BatchRuns
from benchmarks.report import Row

WEB_WORKERS = 1


def run(bench: Bench) -> Sequence[Row]:
    platform = bench.start_platform(WEB_WORKERS=str(WEB_WORKERS))
    runs = BatchRuns(platform, bench.pick(small=40, full=400), WEB_WORKERS)

    def ours() -> float:
        runs.emptied()
        return runs.through_the_door()

    def theirs() -> float:
        runs.emptied()
        return runs.by_copy()

    measured = bench.alternate(ours, theirs)
    return [
        Row("ingest_batch", 0.8, "events/s", ours=measured[0], theirs=measured[1], notes=[runs.client_note()])
    ]


BENCHMARK = Benchmark("ingest_batch", run)
