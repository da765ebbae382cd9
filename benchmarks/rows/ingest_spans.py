"""OTLP spans over HTTP in requests of 1,000 over 8 connections, against psycopg's COPY of the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.benchmark import Bench, Benchmark
from benchmarks.ingest import against_copy
from benchmarks.report import Row
from benchmarks.spans import TRAFFIC


def run(bench: Bench) -> Sequence[Row]:
    return [against_copy(bench, "ingest_spans", TRAFFIC, goal=0.6, unit="spans/s")]


BENCHMARK = Benchmark("ingest_spans", run)
