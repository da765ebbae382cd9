"""OTLP metric points over HTTP in requests of 1,000 over 8 connections, against psycopg's COPY of the same rows."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.benchmark import Bench, Benchmark
from benchmarks.ingest import against_copy
from benchmarks.points import TRAFFIC
from benchmarks.report import Row


def run(bench: Bench) -> Sequence[Row]:
    return [against_copy(bench, "ingest_points", TRAFFIC, goal=0.6, unit="points/s")]


BENCHMARK = Benchmark("ingest_points", run)
