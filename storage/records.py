"""What signals hand to the writer, and what they hear back."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from operator import itemgetter
from typing import Any

from storage.copy_text import CopyText, copy_text
from storage.registry import ReferenceTable, Table

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class RecordError:
    """Why one record was not stored; `index` is its place in the request."""

    index: int
    field: str
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Identity:
    """A claim that must be new for its row to be stored: (project, hash of table and id)."""

    project_id: int
    id_hash: uuid.UUID


@dataclass(slots=True)
class References:
    """Rows that `rows[i][column]` of a write points at, by id."""

    table: ReferenceTable
    column: int
    rows: dict[int, Row] = field(default_factory=dict)
    collided: set[int] = field(default_factory=set)
    """Ids that are stored with another fingerprint; known after the transaction."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Rows as COPY takes them, sorted by the table's key so that they don't scatter the index."""

    first_key: Row
    text: CopyText


def encode_rows(table: Table, rows: Sequence[Row]) -> Encoded:
    """At least one row; see Encoded."""
    key_of = itemgetter(*table.key_positions)
    by_key = sorted(rows, key=key_of)
    return Encoded(key_of(by_key[0]), copy_text(by_key))


@dataclass(slots=True)
class Write:
    """Rows of one request for one table; `indexes[i]` is the record that `rows[i]` came from."""

    table: Table
    rows: list[Row] = field(default_factory=list)
    indexes: list[int] = field(default_factory=list)
    days: set[date] = field(default_factory=set)
    oldest: datetime | None = None
    """The earliest time among the rows, in `table.time_column`; None for tables without roll-ups."""
    reaches_next_hour: bool = False
    """Whether rows may change what is added up of the hour after theirs, as well."""
    identities: dict[int, Identity] = field(default_factory=dict)
    """Position in `rows` -> the claim of that row."""
    references: References | None = None
    committed: Callable[[], None] | None = None
    """Called after the commit, in the writer's thread: must be quick, and may be called again."""
    encoded: Encoded | None = None

    def encode(self) -> Encoded | None:
        """All rows as COPY takes them, made once: by the thread of the request, so that the writer only sends.

        None where there are no rows, or where they don't go straight into the table.
        """
        if self.encoded is None and self.rows and self.table.mode == "append":
            self.encoded = encode_rows(self.table, self.rows)
        return self.encoded

    def add(self, index: int, row: Row) -> None:
        self.rows.append(row)
        self.indexes.append(index)

    def add_dated(self, index: int, row: Row, moment: datetime) -> None:
        """Add a row of a table with day partitions; `moment` is its time in UTC."""
        self.rows.append(row)
        self.indexes.append(index)
        self.days.add(moment.date())
        if self.oldest is None or moment < self.oldest:
            self.oldest = moment


@dataclass(slots=True)
class Outcome:
    """What became of a request's records."""

    inserted: int = 0
    duplicates: int = 0
    errors: list[RecordError] = field(default_factory=list)


@dataclass(slots=True)
class Slot:
    """One row on its way: where it came from, so that its fate is told to the right record."""

    row: Row
    outcome: Outcome
    index: int


@dataclass(frozen=True, slots=True)
class Answer:
    """A finished HTTP answer: what a receipt keeps."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Receipt:
    """`Idempotency-Key` of a request with the hash of its path and body."""

    project_id: int
    key: str
    body_hash: uuid.UUID


@dataclass(slots=True)
class WriteRequest:
    """One client request: stored whole in one transaction with others, answered after the commit."""

    writes: list[Write]
    answer: Callable[[Outcome], Answer]
    received_at: datetime
    receipt: Receipt | None = None

    @property
    def row_count(self) -> int:
        return sum(len(write.rows) for write in self.writes)


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a project accepts now: `oldest <= time <= newest`."""

    project_id: int
    received_at: datetime
    oldest: datetime
    newest: datetime

    def error(self, index: int, name: str, moment: datetime) -> RecordError | None:
        if self.oldest <= moment <= self.newest:
            return None
        return self.too_old(index, name, moment) or self.in_future(index, name, moment)

    def too_old(self, index: int, name: str, moment: datetime) -> RecordError | None:
        if moment < self.oldest:
            return RecordError(index, name, "too_old", f"{name} lies before the retention of this project")
        return None

    def in_future(self, index: int, name: str, moment: datetime) -> RecordError | None:
        if moment > self.newest:
            return RecordError(index, name, "in_future", f"{name} lies more than 1 h ahead")
        return None


def digest_128(*parts: object) -> uuid.UUID:
    """BLAKE2b over the parts, 128 bits, as a UUID so that it fits a PostgreSQL `uuid`."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        digest.update(len(data).to_bytes(4, "big"))
        digest.update(data)
    return uuid.UUID(bytes=digest.digest())


def random_uuid() -> uuid.UUID:
    """A version 4 UUID; cheaper than uuid.uuid4() by a third, which counts at 100,000 a second."""
    return uuid.UUID(bytes=os.urandom(16), version=4)
