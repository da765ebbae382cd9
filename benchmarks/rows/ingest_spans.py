"""OTLP spans over HTTP, against COPY of the same rows."""

from __future__ import annotations

from benchmarks.benchmark import not_measured

BENCHMARK = not_measured("ingest_spans", goal=0.6, unit="spans/s", reason="OTLP doesn't exist yet")
