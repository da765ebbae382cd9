"""A month of hourly counts from roll-ups, against DuckDB on a table file of its own."""

from __future__ import annotations

from benchmarks.benchmark import not_measured

BENCHMARK = not_measured("dashboard_duckdb", goal=2, unit="ms", reason="roll-ups come later")
