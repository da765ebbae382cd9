"""What the front door counts for /metrics; no project or tenant names, so the labels stay few."""

from __future__ import annotations

from functools import cache

from prometheus_client import Counter

from storage.records import Outcome

RECORDS = Counter("telemetry_events", "Records stored, by signal.", ["signal"])
DUPLICATES = Counter("telemetry_duplicates", "Records that were stored before, by signal.", ["signal"])
ERRORS = Counter("telemetry_errors", "Records refused, by signal.", ["signal"])


@cache
def _of(signal: str) -> tuple[Counter, Counter, Counter]:
    return RECORDS.labels(signal), DUPLICATES.labels(signal), ERRORS.labels(signal)


def count(signal: str, outcome: Outcome) -> None:
    """Add what became of one request's records."""
    records, duplicates, errors = _of(signal)
    for counter, number in (
        (records, outcome.inserted),
        (duplicates, outcome.duplicates),
        (errors, len(outcome.errors)),
    ):
        if number:
            counter.inc(number)
