"""What the front door counts for /metrics; no project or tenant names, so the labels stay few."""

from __future__ import annotations

from prometheus_client import Counter

from storage.records import Outcome

RECORDS = Counter("telemetry_events", "Records stored, by signal.", ["signal"])
DUPLICATES = Counter("telemetry_duplicates", "Records that were stored before, by signal.", ["signal"])
ERRORS = Counter("telemetry_errors", "Records refused, by signal.", ["signal"])


def count(signal: str, outcome: Outcome) -> None:
    """Add what became of one request's records."""
    RECORDS.labels(signal).inc(outcome.inserted)
    DUPLICATES.labels(signal).inc(outcome.duplicates)
    ERRORS.labels(signal).inc(len(outcome.errors))
