"""From decoded records to a stored request: time bounds, rows, one write, one answer.

Every wire format ends here; nothing else writes what comes from outside.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.counters import count
from ingest.protocols.base import Batch
from ingest.signals import SIGNALS
from projects.retention import CACHE_SECONDS, RECHECK_SECONDS, Kind, days_kept
from storage.copy_text import may_hold_nul
from storage.records import Answer, Bounds, Outcome, Receipt, RecordError, Write, WriteRequest
from storage.references import unseen
from storage.writer import write_request

MAX_AHEAD = timedelta(hours=1)


def bounds_of(
    project_id: int, kind: Kind, received_at: datetime, at_most_seconds_old: float = CACHE_SECONDS
) -> Bounds:
    """The times this project accepts now: from the end of its retention (as known so long ago) to 1 h ahead."""
    oldest = received_at - timedelta(days=days_kept(project_id, kind, at_most_seconds_old))
    return Bounds(project_id, received_at, oldest, received_at + MAX_AHEAD)


@dataclass(frozen=True, slots=True)
class Prepared:
    """Rows ready for the writer, and the errors of records that have none."""

    batch: Batch
    writes: list[Write]
    refused: list[RecordError]
    received_at: datetime

    @property
    def signal(self) -> str:
        """What the counters call it: the first part's signal is what the request is about."""
        return self.batch.parts[0].signal if self.batch.parts else ""


def prepare(batch: Batch, project_id: int, received_at: datetime) -> Prepared:
    """Rows of the records, as COPY takes them. All computing of a request is here."""
    writes: list[Write] = []
    refused: list[RecordError] = []
    for part in batch.parts:
        signal = SIGNALS[part.signal]
        bounds = bounds_of(project_id, signal.kind, received_at)
        if signal.goes_along:
            gone = {error.index for error in refused}
            part.records = [(index, record) for index, record in part.records if index not in gone]
        write, errors = signal.prepare(part.records, bounds)
        if any(error.code == "too_old" for error in errors):
            # Somebody may have told another process to keep more: old data is loaded right after that.
            known, bounds = bounds, bounds_of(project_id, signal.kind, received_at, RECHECK_SECONDS)
            if bounds != known:
                write, errors = signal.prepare(part.records, bounds)
        if holds_nul(write):
            part.take_out_nul()
            write, errors = signal.prepare(part.records, bounds)
        refused += [*part.errors, *errors]
        if write.rows:
            write.encode()
            writes.append(write)
    return Prepared(batch, writes, refused, received_at)


def holds_nul(write: Write) -> bool:
    """Whether some text of the rows, or of what they point at, may hold a NUL."""
    rows = unseen(write.references) if write.references else []
    encoded = write.encode()
    if encoded is None:
        rows = [*rows, *write.rows]
    elif encoded.text.may_hold_nul():
        return True
    return any(isinstance(value, str) and may_hold_nul(value.encode()) for row in rows for value in row)


def store(
    prepared: Prepared, answer: Callable[[Batch, Outcome], Answer], receipt: Receipt | None = None
) -> tuple[Answer, Outcome]:
    """Store the records; the answer and what became of them, after the commit.

    The outcome is empty where the answer comes from a receipt. Raises storage.writer's QueueFull, StoreUnavailable
    and ReceiptMismatch.
    """
    told: list[Outcome] = []

    def finish(outcome: Outcome) -> Answer:
        # Only the last one counts: a transaction that is tried again asks again.
        errors = [*prepared.refused, *outcome.errors]
        told[:] = [Outcome(outcome.inserted, outcome.duplicates, errors)]
        return answer(prepared.batch, told[0])

    if not prepared.writes and receipt is None:
        result = finish(Outcome())
    else:
        result = write_request(WriteRequest(prepared.writes, finish, prepared.received_at, receipt))
    outcome = told[0] if told else Outcome()
    if prepared.signal:
        count(prepared.signal, outcome)
    return result, outcome
