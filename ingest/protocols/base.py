"""What every wire format is made of: bytes and a head in, records and errors out, an outcome back to bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

import msgspec

from storage.records import Answer, Outcome, RecordError
from storage.values import nul_field

RecordT = TypeVar("RecordT", bound=msgspec.Struct)

MAX_RECORDS = 10_000

SignalName = Literal["events", "metrics", "business", "traces", "exemplars", "metadata", "identities"]
"""Which of `ingest.signals` makes rows of a record."""

COUNTED: frozenset[SignalName] = frozenset({"events", "metrics", "business", "traces"})
"""Signals whose records clients count; the others go along with those."""


class FormatError(ValueError):
    """The body is not of the format at all (400); `field` names the place where that helps."""

    def __init__(self, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.detail = detail
        self.field = field


class TooManyRecords(ValueError):
    """More than 10,000 records in one body, or more than they may take up in memory (413)."""


@dataclass(frozen=True, slots=True)
class Head:
    """A request beside its body. Header names are in lower case, values as they were sent."""

    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = ""
    client_address: str = ""
    """Where the request comes from, behind trusted proxies; only for formats that ask for it to be kept."""

    @property
    def media_type(self) -> str:
        """Without parameters, in lower case."""
        return self.content_type.partition(";")[0].strip().lower()


@dataclass(slots=True)
class Decoded(Generic[RecordT]):
    """Records of one signal with their place in the body, and an error for each record that didn't decode."""

    signal: SignalName
    records: list[tuple[int, RecordT]] = field(default_factory=list)
    errors: list[RecordError] = field(default_factory=list)

    def take_out_nul(self) -> None:
        """Make an error of each record with a NUL in some text: PostgreSQL can't hold it."""
        kept: list[tuple[int, RecordT]] = []
        for index, record in self.records:
            if name := nul_field(record):
                self.errors.append(RecordError(index, name, "nul", f"{name} holds a NUL character"))
            else:
                kept.append((index, record))
        self.records = kept


@dataclass(slots=True)
class Batch:
    """All that one body holds. Places are counted over all parts, so that an error names one record only."""

    parts: list[Decoded[Any]]
    note: Any = None
    """What the format's own `answer` wants to know again."""
    identity: bytes = b""
    """What makes the request beside its path and body, for formats that have records in the head."""

    @property
    def all_count(self) -> int:
        """As `record_count`, with what goes along: exemplars and descriptions are stored, too."""
        return sum(len(part.records) + len(part.errors) for part in self.parts)

    @property
    def record_count(self) -> int:
        """Records sent, good and bad, without what goes along with them."""
        counted = [part for part in self.parts if part.signal in COUNTED]
        return sum(len(part.records) + len(part.errors) for part in counted)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused whole: an HTTP status, a code and a sentence."""

    status: int
    code: str
    detail: str


class WireFormat(Protocol):
    """One wire format. No Django inside: the fuzzers call it alone."""

    @property
    def name(self) -> str:
        """As the sources page has it."""
        ...

    @property
    def media_types(self) -> tuple[str, ...]:
        """What a client should send, for the words of a refusal."""
        ...

    @property
    def encodings(self) -> frozenset[str]:
        """The values of Content-Encoding it reads beside none."""
        ...

    def takes(self, head: Head, /) -> bool:
        """Whether a request of this head is of this format."""
        ...

    def decode(self, body: bytes, head: Head, /) -> Batch:
        """Raises FormatError where nothing of the body can be read, TooManyRecords past 10,000."""
        ...

    def answer(self, batch: Batch, outcome: Outcome, /) -> Answer: ...

    def refuse(self, refusal: Refusal, head: Head, /) -> Answer | None:
        """The answer to a request that is refused whole; None for the API's own JSON."""
        ...


@runtime_checkable
class Excerpting(Protocol):
    """A format that can show records which it could not decode, to the people who sent them."""

    def excerpts(self, body: bytes, head: Head, indexes: Sequence[int], /) -> Mapping[int, bytes]:
        """The JSON of the records at these places, as far as they are there. Never raises for a body it decoded."""
        ...
