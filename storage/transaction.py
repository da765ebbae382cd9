"""One transaction of the writer: receipts, identities, references, COPY, and what became of each row.

Optimistic: rows go by COPY straight into the table. Only when a key exists already, the transaction starts again and
goes through a temporary table with ON CONFLICT (measured on the prototype: 90 k rows/s against 62 k).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import psycopg

from storage.copying import copy_rows, insert_missing, replace_rows
from storage.memory import claim_identities, keep_receipts, known_receipts
from storage.records import Answer, Outcome, RecordError, Slot, Write, WriteRequest
from storage.references import insert_references
from storage.registry import Table

STATEMENT_TIMEOUT = "20s"
"""A store that hangs must become a 503, not a hanging client."""

Connection = psycopg.Connection[tuple[Any, ...]]


class ReceiptMismatch(Exception):
    """An Idempotency-Key came back with another body."""


Result = Answer | Exception


@dataclass(slots=True)
class _Plan:
    """Rows by table, after receipts, identities and references have taken theirs out."""

    slots: dict[str, list[Slot]] = field(default_factory=lambda: defaultdict(list))
    tables: dict[str, Table] = field(default_factory=dict)


def store(connection: Connection, requests: list[WriteRequest]) -> list[Result]:
    """Store the requests in one transaction; the results are in their order.

    Raises psycopg errors; a value that PostgreSQL refuses in a lone request becomes that record's error instead.
    """
    try:
        return _attempt(connection, requests, optimistic=True)
    except psycopg.errors.UniqueViolation:
        return _attempt(connection, requests, optimistic=False)
    except psycopg.DataError:
        if len(requests) > 1:
            raise
        return _attempt(connection, requests, optimistic=False)


def _attempt(connection: Connection, requests: list[WriteRequest], *, optimistic: bool) -> list[Result]:
    outcomes = [Outcome() for _ in requests]
    with connection.transaction(), connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        first_answers = known_receipts(cursor, requests)
        fresh = [index for index in range(len(requests)) if index not in first_answers]
        plan = _plan(cursor, [(requests[index], outcomes[index]) for index in fresh])
        for name, slots in plan.slots.items():
            _store_table(cursor, plan.tables[name], slots, optimistic=optimistic)
        answers = {index: requests[index].answer(outcomes[index]) for index in fresh}
        keep_receipts(cursor, [(requests[index], answers[index]) for index in fresh])
    return _results(requests, answers, first_answers)


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


def _plan(cursor: psycopg.Cursor[Any], requests: list[tuple[WriteRequest, Outcome]]) -> _Plan:
    writes = [(write, outcome) for request, outcome in requests for write in request.writes]
    seen_at = requests[0][0].received_at if requests else None
    repeated = claim_identities(cursor, [write for write, _ in writes], seen_at)
    collided = insert_references(cursor, [write for write, _ in writes])
    plan = _Plan()
    for write, outcome in writes:
        plan.tables[write.table.name] = write.table
        slots = plan.slots[write.table.name]
        for position, row in enumerate(write.rows):
            if (id(write), position) in repeated:
                outcome.duplicates += 1
            elif write.references and row[write.references.column] in collided:
                outcome.errors.append(_collision(write, position))
            else:
                slots.append(Slot(row, outcome, write.indexes[position]))
    return plan


def _collision(write: Write, position: int) -> RecordError:
    return RecordError(
        write.indexes[position], "tags", "hash_collision", "another series has the same id; change a label"
    )


def _store_table(cursor: psycopg.Cursor[Any], table: Table, slots: list[Slot], *, optimistic: bool) -> None:
    if not slots:
        return
    positions = table.key_positions
    slots.sort(key=lambda slot: tuple(slot.row[position] for position in positions))
    if table.mode == "append" and optimistic:
        copy_rows(cursor, table.name, table.columns, [slot.row for slot in slots])
        for slot in slots:
            slot.outcome.inserted += 1
    else:
        _insert_or_halve(cursor, table, slots)


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
