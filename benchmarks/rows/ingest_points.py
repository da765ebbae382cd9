"""OTLP metric points over HTTP, against COPY of the same rows."""

from __future__ import annotations

from benchmarks.benchmark import not_measured

BENCHMARK = not_measured("ingest_points", goal=0.6, unit="points/s", reason="OTLP doesn't exist yet")
