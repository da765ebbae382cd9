"""One transaction of the writer: receipts, identities, references, COPY, and what became of each row.

Optimistic: rows go by COPY straight into the table. Only when a key exists already, the transaction starts again and
goes through a temporary table with ON CONFLICT (measured on the prototype: 90 k rows/s against 62 k).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

import psycopg

from storage.copying import copy_texts, insert_missing, replace_rows
from storage.memory import claim_identities, keep_receipts, known_receipts
from storage.records import Answer, Encoded, Outcome, RecordError, Slot, Write, WriteRequest, encode_rows
from storage.references import insert_references, remember
from storage.registry import Table
from storage.rollups import gate

STATEMENT_TIMEOUT = "20s"
"""A store that hangs must become a 503, not a hanging client."""

_BEGIN_SQL = f"""
    BEGIN ISOLATION LEVEL READ COMMITTED;
    SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}';
    SET LOCAL idle_in_transaction_session_timeout = '30s';
    SET LOCAL tcp_keepalives_idle = 10; SET LOCAL tcp_keepalives_interval = 5; SET LOCAL tcp_keepalives_count = 3
"""
"""The gate needs a snapshot per statement, whatever the server's default is. The rest ends what a lost web host leaves
behind: an open transaction holds keys that its clients try again elsewhere, and keeps roll-ups and purges waiting."""

KEY_EXISTS = (psycopg.errors.UniqueViolation, psycopg.errors.InternalError_)
"""What COPY raises for a key that is stored already: Citus passes a node's words on without their code."""

Connection = psycopg.Connection[tuple[Any, ...]]


class ReceiptMismatch(Exception):
    """An Idempotency-Key came back with another body."""


Result = Answer | Exception


@dataclass(slots=True)
class _Share:
    """What is left to store of a write, after receipts, identities and references have taken theirs out."""

    write: Write
    outcome: Outcome
    positions: Sequence[int]
    """Places in `write.rows`."""

    def encoded(self) -> Encoded:
        whole = self.write.encode() if len(self.positions) == len(self.write.rows) else None
        return whole or encode_rows(
            self.write.table, [self.write.rows[position] for position in self.positions]
        )

    def slots(self) -> list[Slot]:
        rows, indexes = self.write.rows, self.write.indexes
        return [Slot(rows[position], self.outcome, indexes[position]) for position in self.positions]


@dataclass(slots=True)
class _TakenOut:
    """Which rows of a group must not be stored."""

    repeated: set[tuple[int, int]]
    """(id(write), position) of rows whose identity was claimed before."""
    frozen: set[gate.FrozenDay]
    watermarks: gate.Watermarks
    collided: set[int]
    """Ids of referenced rows that are stored with another fingerprint."""

    def is_empty(self) -> bool:
        return not (self.repeated or self.frozen or self.collided)

    def takes(self, write: Write, position: int, outcome: Outcome) -> bool:
        """Whether this row is one of them; the outcome is told why."""
        row = write.rows[position]
        if (id(write), position) in self.repeated:
            outcome.duplicates += 1
        elif self.frozen and gate.is_refused(write.table, row, self.frozen, self.watermarks):
            outcome.errors.append(_too_late(write, position))
        elif write.references and row[write.references.column] in self.collided:
            outcome.errors.append(_collision(write, position))
        else:
            return False
        return True


def store(connection: Connection, requests: list[WriteRequest]) -> list[Result]:
    """Store the requests in one transaction; the results are in their order.

    Raises psycopg errors; a value that PostgreSQL refuses in a lone request becomes that record's error instead.
    """
    try:
        return _attempt(connection, requests, optimistic=True)
    except KEY_EXISTS:
        return _attempt(connection, requests, optimistic=False)
    except psycopg.DataError:
        if len(requests) > 1:
            raise
        return _attempt(connection, requests, optimistic=False)


def _attempt(connection: Connection, requests: list[WriteRequest], *, optimistic: bool) -> list[Result]:
    outcomes = [Outcome() for _ in requests]
    with _begun(connection) as cursor:
        watermarks = gate.watermarks_of(cursor)
        first_answers = known_receipts(cursor, requests)
        fresh = [index for index in range(len(requests)) if index not in first_answers]
        plan = _plan(cursor, [(requests[index], outcomes[index]) for index in fresh], watermarks)
        for table, shares in plan.items():
            _store_table(cursor, table, shares, optimistic=optimistic)
        answers = {index: requests[index].answer(outcomes[index]) for index in fresh}
        keep_receipts(cursor, [(requests[index], answers[index]) for index in fresh])
    # Not those of the others: nothing of a request with a known receipt was written now.
    remember(write for index in fresh for write in requests[index].writes)
    return _results(requests, answers, first_answers)


@contextmanager
def _begun(connection: Connection) -> Iterator[psycopg.Cursor[tuple[Any, ...]]]:
    """A transaction whose first answer is the gate's.

    Begun by hand: without parameters psycopg sends several statements at once, and each round trip costs this thread
    a wait for its turn in the interpreter beside the server's time.
    """
    with connection.cursor() as cursor:
        try:
            cursor.execute(f"{_BEGIN_SQL}; {gate.ENTER_SQL}")
            yield cursor
            cursor.execute("COMMIT")
        except BaseException:
            if not connection.closed:
                connection.rollback()
            raise


def _results(
    requests: list[WriteRequest], answers: dict[int, Answer], first_answers: dict[int, Answer | int | None]
) -> list[Result]:
    """`first_answers` hold a stored answer, the place of the same request in this batch, or None for another body."""
    results: list[Result] = []
    for index in range(len(requests)):
        known = first_answers.get(index, index)
        if isinstance(known, int):
            results.append(answers[known])
        else:
            results.append(known or ReceiptMismatch())
    return results


def _plan(
    cursor: psycopg.Cursor[Any],
    requests: list[tuple[WriteRequest, Outcome]],
    watermarks: gate.Watermarks,
) -> dict[Table, list[_Share]]:
    """What goes into which table."""
    writes = [write for request, _ in requests for write in request.writes]
    seen_at = requests[0][0].received_at if requests else None
    taken_out = _TakenOut(
        claim_identities(cursor, writes, seen_at),
        gate.note_late(cursor, writes, watermarks),
        watermarks,
        insert_references(cursor, writes),
    )
    plan: dict[Table, list[_Share]] = defaultdict(list)
    for request, outcome in requests:
        for write in request.writes:
            told = Outcome(errors=outcome.errors) if write.table.beside else outcome
            positions: Sequence[int] = range(len(write.rows))
            if not taken_out.is_empty():
                positions = [place for place in positions if not taken_out.takes(write, place, told)]
            if positions:
                plan[write.table].append(_Share(write, told, positions))
    return plan


def _too_late(write: Write, position: int) -> RecordError:
    return RecordError(
        write.indexes[position],
        write.table.time_field,
        "too_old",
        "records of this day were purged already; none can be added to it",
    )


def _collision(write: Write, position: int) -> RecordError:
    return RecordError(
        write.indexes[position], "tags", "hash_collision", "another series has the same id; change a label"
    )


def _store_table(
    cursor: psycopg.Cursor[Any], table: Table, shares: list[_Share], *, optimistic: bool
) -> None:
    if optimistic and table.mode == "append" and not table.expects_repeats:
        # Sorted by request, not by row: where two processes meet on the same keys in another order all the same,
        # the server ends one of them, and that one tries again.
        encoded = sorted((share.encoded() for share in shares), key=lambda one: one.first_key)
        copy_texts(cursor, table.name, table.columns, [one.text for one in encoded])
        for share in shares:
            share.outcome.inserted += len(share.positions)
    else:
        key_of = itemgetter(*table.key_positions)
        slots = [slot for share in shares for slot in share.slots()]
        _insert_or_halve(cursor, table, sorted(slots, key=lambda slot: key_of(slot.row)))


def _insert_or_halve(cursor: psycopg.Cursor[Any], table: Table, slots: list[Slot]) -> None:
    """Insert around duplicates; where PostgreSQL refuses a value, halve until it is alone and reject that record."""
    try:
        with cursor.connection.transaction():
            (insert_missing if table.mode == "append" else replace_rows)(cursor, table, slots)
    except psycopg.DataError as error:
        if len(slots) == 1:
            message = error.diag.message_primary or "this value can't be stored"
            slots[0].outcome.errors.append(RecordError(slots[0].index, "", "not_storable", message))
            return
        middle = len(slots) // 2
        _insert_or_halve(cursor, table, slots[:middle])
        _insert_or_halve(cursor, table, slots[middle:])
