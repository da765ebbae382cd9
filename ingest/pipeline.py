"""From decoded records to a stored request: time bounds, rows, one write, one answer.

Every wire format ends here; nothing else writes what comes from outside.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ingest.counters import count
from ingest.protocols.base import Decoded
from projects.retention import Kind, days_kept
from storage.records import Answer, Bounds, Outcome, Receipt, RecordError, Write, WriteRequest
from storage.writer import write_request

MAX_AHEAD = timedelta(hours=1)

Prepare = Callable[[Iterable[tuple[int, Any]], Bounds], tuple[Write, list[RecordError]]]


@dataclass(frozen=True, slots=True)
class Signal:
    """How one kind of record becomes rows, and which retention bounds its time."""

    kind: Kind
    prepare: Prepare


def bounds_of(project_id: int, kind: Kind, received_at: datetime) -> Bounds:
    """The times this project accepts now: from the end of its retention to 1 h ahead."""
    oldest = received_at - timedelta(days=days_kept(project_id, kind))
    return Bounds(project_id, received_at, oldest, received_at + MAX_AHEAD)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows ready for the writer, and the errors of records that have none."""

    kind: Kind
    write: Write
    refused: list[RecordError]


def prepare(signal: Signal, decoded: Decoded[Any], bounds: Bounds) -> Prepared:
    """Rows of the records, as COPY takes them. All computing of a request is here; it waits for nothing."""
    write, errors = signal.prepare(decoded.records, bounds)
    write.encode()
    return Prepared(signal.kind, write, [*decoded.errors, *errors])


def store(
    prepared: Prepared,
    answer: Callable[[Outcome], Answer],
    *,
    received_at: datetime,
    receipt: Receipt | None = None,
) -> Answer:
    """Store the records and return the answer after the commit.

    Raises storage.writer's QueueFull, StoreUnavailable and ReceiptMismatch.
    """
    told: list[Outcome] = []

    def finish(outcome: Outcome) -> Answer:
        # Only the last one counts: a transaction that is tried again asks again.
        errors = [*prepared.refused, *outcome.errors]
        told[:] = [Outcome(outcome.inserted, outcome.duplicates, errors)]
        return answer(told[0])

    if not prepared.write.rows and receipt is None:
        result = finish(Outcome())
    else:
        result = write_request(WriteRequest([prepared.write], finish, received_at, receipt))
    for outcome in told:
        count(prepared.kind, outcome)
    return result
