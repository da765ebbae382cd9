"""A month of hourly counts from roll-ups, against GROUP BY over the raw events."""

from __future__ import annotations

from benchmarks.benchmark import not_measured

BENCHMARK = not_measured("dashboard", goal=100, unit="ms", reason="roll-ups come later")
