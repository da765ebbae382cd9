"""Group commit: one writer thread per process stores the rows of many requests in one transaction.

While one transaction runs, the next batch collects; a lone request never waits for company. A request is answered
after the commit that holds it (`synchronous_commit` stays on), so nothing acknowledged is ever lost.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

import psycopg

from storage import partitions
from storage.connections import connect
from storage.records import Answer, Outcome, RecordError, Write, WriteRequest
from storage.transaction import Result, store

logger = logging.getLogger(__name__)

MAX_QUEUED_ROWS = 100_000
MAX_GROUP_ROWS = 20_000
ATTEMPTS = 3
MAX_WAIT_SECONDS = 60
"""A database that stops answering ends a statement sooner; this is for a queue behind it."""

MAX_SINGLE_SECONDS = 30
"""One statement may hang for 20 s; a second one that does says that the store hangs, not a request."""

LOST_CONNECTION = (psycopg.OperationalError, psycopg.InterfaceError)
LOST_STATES = ("08", "53", "57P", "25P03")
"""SQLSTATEs that say nothing about the request: connection, resources, shutdown, a transaction left idle."""

COLLISIONS = (psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


class QueueFull(Exception):
    """The writer has as much as it can hold; the client should come back later."""


class StoreUnavailable(Exception):
    """The database can't be reached or refuses to write now; nothing of the request was acknowledged."""


@dataclass(slots=True)
class _Pending:
    request: WriteRequest
    row_count: int
    done: threading.Event = field(default_factory=threading.Event)
    result: Answer | Exception | None = None


class GroupWriter:
    """The queue and the thread that empties it."""

    def __init__(self, max_queued_rows: int = MAX_QUEUED_ROWS, max_group_rows: int = MAX_GROUP_ROWS) -> None:
        self.max_queued_rows = max_queued_rows
        self.max_group_rows = max_group_rows
        self._queue: deque[_Pending] = deque()
        self._queued_rows = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._connection: psycopg.Connection[tuple[object, ...]] | None = None
        self._thread = threading.Thread(target=self._run, name="group-writer", daemon=True)
        self._thread.start()

    def write(self, request: WriteRequest) -> Answer:
        """Store one request and return its answer after the commit.

        Raises QueueFull, StoreUnavailable, or ReceiptMismatch for an Idempotency-Key used with another body.
        """
        for write in request.writes:
            # Here, not in the writer's thread, which all requests wait for.
            write.encode()
        pending = _Pending(request, request.row_count)
        with self._changed:
            if self._stopping or (self._queue and self.is_full(pending.row_count)):
                raise QueueFull
            self._queue.append(pending)
            self._queued_rows += pending.row_count
            self._changed.notify()
        if not pending.done.wait(MAX_WAIT_SECONDS):
            raise StoreUnavailable
        if isinstance(pending.result, Answer):
            return pending.result
        assert pending.result is not None
        raise pending.result

    def is_full(self, more_rows: int = 1) -> bool:
        return self._queued_rows + more_rows > self.max_queued_rows

    def close(self) -> None:
        """Store what is queued, then stop."""
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join()
        self._disconnect()

    def _run(self) -> None:
        while group := self._next_group():
            results = self._store([pending.request for pending in group])
            for pending, result in zip(group, results, strict=True):
                pending.result = result
                pending.done.set()

    def _next_group(self) -> list[_Pending]:
        with self._changed:
            while not self._queue:
                if self._stopping:
                    return []
                self._changed.wait()
            group = [self._queue.popleft()]
            rows = group[0].row_count
            while self._queue and rows + self._queue[0].row_count <= self.max_group_rows:
                group.append(self._queue.popleft())
                rows += group[-1].row_count
            self._queued_rows -= rows
            return group

    def _store(self, requests: list[WriteRequest]) -> list[Result]:
        """Try the whole group; where that fails for its content, each request alone, so one can't fail the others.

        Never raises: the thread must outlive anything a batch does, every client of this process waits on it.
        """
        is_partition_missing = False
        for attempt in range(ATTEMPTS):
            try:
                if is_partition_missing:
                    partitions.forget_known()
                    ensure_partitions(write for request in requests for write in request.writes)
                return store(self._connected(), requests)
            except COLLISIONS:
                # Two processes met on the same keys in another order; the server ended one of them.
                time.sleep(0.01 * (attempt + 1))
            except psycopg.errors.CheckViolation:
                # A partition that this process knew was dropped meanwhile. Made again by the next attempt, not here:
                # an error in this branch would end the thread.
                is_partition_missing = True
            except Exception as error:
                # Not only psycopg's errors: whatever one request's content causes must not fail the others.
                if not _is_lost(error) and len(requests) > 1:
                    return self._store_singly(requests)
                self._disconnect()
                if not _is_lost(error):
                    logger.exception("a request could not be stored")
                    break
                if attempt:
                    logger.warning("database unavailable: %s", type(error).__name__)
                    break
        return [StoreUnavailable()] * len(requests)

    def _store_singly(self, requests: list[WriteRequest]) -> list[Result]:
        """Each alone, until one has hung for so long that the others would wait in vain."""
        ends_at = time.monotonic() + MAX_SINGLE_SECONDS
        results: list[Result] = []
        for request in requests:
            results.append(self._store([request])[0] if time.monotonic() < ends_at else StoreUnavailable())
        return results

    def _connected(self) -> psycopg.Connection[tuple[object, ...]]:
        if self._connection is None or self._connection.closed:
            self._connection = connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _is_lost(error: Exception) -> bool:
    """Whether the store is at fault, so that the same request may well succeed on a new connection."""
    if not isinstance(error, psycopg.Error):
        return False
    if error.sqlstate is None:
        return isinstance(error, LOST_CONNECTION)
    return error.sqlstate.startswith(LOST_STATES)


def ensure_partitions(writes: Iterable[Write]) -> None:
    """Make the day partitions that these writes need."""
    for write in writes:
        if write.table.partitioned and write.days:
            partitions.ensure(write.table, write.days)


_writers: dict[int, GroupWriter] = {}
_writers_lock = threading.Lock()


def get_writer() -> GroupWriter:
    """The writer of this process; a fork gets its own, because threads don't survive one."""
    writer = _writers.get(os.getpid())
    if writer is None:
        with _writers_lock:
            writer = _writers.get(os.getpid()) or GroupWriter()
            _writers[os.getpid()] = writer
    return writer


def close_writer() -> None:
    """Store what is queued in this process, then stop its writer; the next request starts a new one."""
    writer = _writers.pop(os.getpid(), None)
    if writer is not None:
        writer.close()


def write_request(request: WriteRequest) -> Answer:
    """Make the partitions a request needs, then store it through the process's writer (see GroupWriter.write)."""
    try:
        ensure_partitions(request.writes)
    except LOST_CONNECTION:
        raise StoreUnavailable from None
    return get_writer().write(request)


def write_rows(write: Write, received_at: datetime) -> list[RecordError]:
    """Store rows that no request waits for, and return after the commit; what is wrong with some of them.

    Raises as GroupWriter.write.
    """
    refused: list[RecordError] = []

    def finish(outcome: Outcome) -> Answer:
        # Replaced, not extended: a transaction that is tried again asks again.
        refused[:] = outcome.errors
        return Answer(202, b"")

    if write.rows:
        write_request(WriteRequest([write], finish, received_at))
    return refused
