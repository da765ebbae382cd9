"""What every format's `decode` returns and raises."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, Protocol, TypeVar

from storage.records import Answer, Outcome, RecordError

RecordT = TypeVar("RecordT")

MAX_RECORDS = 10_000


class FormatError(ValueError):
    """The body is not of the format at all (400); `field` names the place where that helps."""

    def __init__(self, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class TooManyRecords(ValueError):
    """More than 10,000 records in one body (413)."""


@dataclass(slots=True)
class Decoded(Generic[RecordT]):
    """Records with their place in the body, and an error for each record that didn't decode."""

    records: list[tuple[int, RecordT]] = field(default_factory=list)
    errors: list[RecordError] = field(default_factory=list)


class WireFormat(Protocol):
    """One wire format: bytes in, records out; an outcome in, the answer's bytes out."""

    def decode(self, body: bytes, /) -> Decoded[Any]: ...

    def answer(self, outcome: Outcome, /) -> Answer: ...
