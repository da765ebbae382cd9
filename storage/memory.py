"""What ingest remembers so that a retry stores nothing twice: identities of records, receipts of requests."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from storage.connections import connect
from storage.records import Answer, Write, WriteRequest

IDENTITY_LIFE = timedelta(hours=48)
RECEIPT_LIFE = timedelta(hours=24)
DELETE_BATCH_ROWS = 10_000
RECEIPT_LOCK_SEED = 0x7E1E

Cursor = psycopg.Cursor[Any]


def claim_identities(
    cursor: Cursor, writes: Iterable[Write], seen_at: datetime | None
) -> set[tuple[int, int]]:
    """Claim the identities of these writes; returns (id(write), position) of rows whose identity was taken."""
    wanted: dict[tuple[int, Any], list[tuple[int, int]]] = {}
    for write in writes:
        for position, identity in write.identities.items():
            claim = (identity.project_id, identity.id_hash)
            wanted.setdefault(claim, []).append((id(write), position))
    if not wanted:
        return set()
    claims = sorted(wanted)
    cursor.execute(
        "INSERT INTO ingest_identities (project_id, id_hash, seen_at) "
        "SELECT project_id, id_hash, %s FROM unnest(%s::bigint[], %s::uuid[]) AS claim (project_id, id_hash) "
        "ON CONFLICT (project_id, id_hash) DO NOTHING RETURNING project_id, id_hash",
        (seen_at, [claim[0] for claim in claims], [claim[1] for claim in claims]),
    )
    new = set(cursor.fetchall())
    repeated: set[tuple[int, int]] = set()
    for claim, places in wanted.items():
        repeated.update(places[1:] if claim in new else places)
    return repeated


def known_receipts(cursor: Cursor, requests: Sequence[WriteRequest]) -> dict[int, Answer | int | None]:
    """Requests that must not be stored again: index -> the first answer, the index of their twin in this batch,
    or None where the key came with another body.

    Takes a lock per receipt until the transaction ends: of two requests at once the second waits for the first.
    """
    by_receipt: dict[tuple[int, str], list[int]] = {}
    for index, request in enumerate(requests):
        if request.receipt:
            by_receipt.setdefault((request.receipt.project_id, request.receipt.key), []).append(index)
    # Sorted, so that two processes with the same keys wait for each other instead of deadlocking.
    for project_id, text in sorted(by_receipt):
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, %s))",
            (f"{project_id}:{text}", RECEIPT_LOCK_SEED),
        )
    known: dict[int, Answer | int | None] = {}
    for (project_id, text), indexes in by_receipt.items():
        oldest = requests[indexes[0]].received_at - RECEIPT_LIFE
        cursor.execute(
            "SELECT body_hash, status, answer, content_type, headers FROM ingest_receipts "
            "WHERE project_id = %s AND idempotency_key = %s AND created_at > %s",
            (project_id, text, oldest),
        )
        row = cursor.fetchone()
        hashes = {index: _body_hash(requests[index]) for index in indexes}
        if row:
            answer = Answer(row[1], bytes(row[2]), row[3], tuple((name, value) for name, value in row[4]))
            known |= {index: answer if found == row[0] else None for index, found in hashes.items()}
        else:
            first = indexes[0]
            known |= {index: first if hashes[index] == hashes[first] else None for index in indexes[1:]}
    return known


def _body_hash(request: WriteRequest) -> uuid.UUID | None:
    return request.receipt.body_hash if request.receipt else None


def keep_receipts(cursor: Cursor, answered: Sequence[tuple[WriteRequest, Answer]]) -> None:
    rows = [
        (
            request.receipt.project_id,
            request.receipt.key,
            request.receipt.body_hash,
            answer.status,
            answer.body,
            answer.content_type,
            Jsonb(answer.headers),
            request.received_at,
        )
        for request, answer in answered
        if request.receipt
    ]
    if rows:
        cursor.executemany(
            "INSERT INTO ingest_receipts (project_id, idempotency_key, body_hash, status, answer, content_type, "
            "headers, created_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (project_id, idempotency_key) DO UPDATE SET "
            "body_hash = EXCLUDED.body_hash, status = EXCLUDED.status, answer = EXCLUDED.answer, "
            "content_type = EXCLUDED.content_type, headers = EXCLUDED.headers, created_at = EXCLUDED.created_at",
            rows,
        )


def purge(now: datetime) -> int:
    """Delete expired identities and receipts in batches; returns how many."""
    deleted = 0
    expired = (
        ("ingest_identities", "seen_at", now - IDENTITY_LIFE),
        ("ingest_receipts", "created_at", now - RECEIPT_LIFE),
    )
    with connect() as connection:
        for table, column, cutoff in expired:
            statement = (
                f"DELETE FROM {table} WHERE ctid = ANY(ARRAY("
                f"SELECT ctid FROM {table} WHERE {column} < %s LIMIT {DELETE_BATCH_ROWS}))"
            )
            while count := connection.execute(statement, (cutoff,)).rowcount:
                deleted += count
    return deleted
