"""Batches of 1,000 events over 8 connections, against psycopg's COPY of ready tuples."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.benchmark import Bench, Benchmark
from benchmarks.ingest import EVENTS, against_copy
from benchmarks.report import Row


def run(bench: Bench) -> Sequence[Row]:
    return [against_copy(bench, "ingest_batch", EVENTS, goal=0.8, unit="events/s")]


BENCHMARK = Benchmark("ingest_batch", run)
