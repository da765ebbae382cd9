"""OTLP's attributes, values and times as Python has them."""

from __future__ import annotations

import base64
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.protobuf.message import DecodeError

from ingest.protocols.budgets import MAX_LOG_BUCKETS, MAX_SHARED_BYTES, Budget
from ingest.protocols.otlp.messages import AnyValue, KeyValue, Message, MessageClass
from storage.records import RecordError

MAX_VALUE_BYTES = 4_000_000
"""Of one attribute or body: its parsed form may take twenty times as much."""

MAX_UNITS = 4_000_000
"""Of memory for one request, about 100 bytes each: what repeats inside records takes few bytes on the wire."""

UNITS_OF_ATTRIBUTE = 2
UNITS_OF_PART = 20
"""An event, link or exemplar."""

MAX_KEPT_BYTES = 2_000_000
"""Of memory for attributes that are remembered, some 5,000. More of them don't stay in the processor's cache, and to
fetch one from farther away costs about what reading it again does."""

FULL_ROUNDS = 20
"""How many times that much comes again before all is forgotten, so that what is frequent now finds room."""

MAX_KEPT_LENGTH = 1_000
"""Longer attributes hardly come again."""

BYTES_OF_PAIR = 350
"""Of memory for a remembered attribute beside the bytes of its name and value."""

BYTES_OF_OBJECT = 32
"""Of memory for each byte of lists and maps: an empty map takes two bytes here and 64 there."""

_SHORT = range(6, 128)
"""Bytes of an attribute in which no length takes more than one byte, from an empty name and text on."""

_NAME_TAG = 0x0A
_TEXT_HEADS = {length: bytes((0x12, length - 2, 0x0A, length - 4)) for length in range(4, _SHORT.stop)}
"""How many bytes follow an attribute's name -> how they begin where they are a text: two tags, each with a length."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Attributes = dict[str, Any]


class BadRecord(ValueError):
    """Why one record can't be taken: the field at fault, a code and words."""

    def __init__(self, field: str, message: str, code: str = "invalid") -> None:
        super().__init__(message)
        self.field = field
        self.code = code
        self.message = message

    def at(self, index: int) -> RecordError:
        """The error of the record at this place."""
        return RecordError(index, self.field, self.code, self.message)


def parsed(message_class: MessageClass, raw: bytes, field: str = "") -> Message:
    """The message in these bytes. Raises BadRecord."""
    try:
        return message_class.FromString(raw)
    except DecodeError:
        raise _unreadable(message_class, field) from None


def _unreadable(message_class: MessageClass, field: str) -> BadRecord:
    return BadRecord(field, f"{message_class.DESCRIPTOR.name} is not a valid protobuf message")


def parsed_value(raw: bytes, field: str) -> Any:
    """The value of an AnyValue in bytes, such as a log's body. Raises BadRecord."""
    _check_size(raw, field)
    return value_of(parsed(AnyValue, raw, field))


def value_of(value: Message) -> Any:
    """What an AnyValue holds, as JSON can have it: bytes in base64; None where nothing is set."""
    if text := value.string_value:
        return text
    kind = value.WhichOneof("value")
    return _READERS[kind](value) if kind in _READERS else None


def _number(number: float) -> float | str:
    """JSON has no NaN and no infinities; their names are protobuf's own."""
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else ("Infinity" if number > 0 else "-Infinity")


_READERS: Mapping[str, Callable[[Message], Any]] = {
    "string_value": lambda value: value.string_value,
    "int_value": lambda value: value.int_value,
    "bool_value": lambda value: value.bool_value,
    "double_value": lambda value: _number(value.double_value),
    "bytes_value": lambda value: base64.b64encode(value.bytes_value).decode(),
    # protobuf ends at 100 levels, so these two can't go deep.
    "array_value": lambda value: [value_of(item) for item in value.array_value.values],
    "kvlist_value": lambda value: {item.key: value_of(item.value) for item in value.kvlist_value.values},
}


class Pairs(dict[bytes, tuple[str, Any]]):
    """(name, value) of attributes by their bytes, each parsed at the first look.

    One for the process: those of a resource and half of a span's come with every request. Keeps those that come while
    there is room, the frequent ones among them, for a time.
    """

    # With a dictionary of attributes beside its own each look at these would cost twice as much.
    __slots__ = ("_byte_count", "_max_bytes")

    def __init__(self, max_bytes: int = MAX_KEPT_BYTES) -> None:
        super().__init__()
        self._max_bytes = max_bytes
        self._byte_count = 0

    def __missing__(self, raw: bytes) -> tuple[str, Any]:
        """Raises BadRecord."""
        pair = _short_text(raw) or _parsed_pair(raw)
        if len(raw) <= MAX_KEPT_LENGTH:
            growth = BYTES_OF_OBJECT if isinstance(pair[1], (list, dict)) else 2
            # Threads may miss each other's sums; the limit needn't be exact.
            self._byte_count += BYTES_OF_PAIR + growth * len(raw)
            if self._byte_count <= self._max_bytes:
                self[raw] = pair
            elif self._byte_count > FULL_ROUNDS * self._max_bytes:
                self._byte_count = 0
                self.clear()
        return pair


_pairs = Pairs()


def _short_text(raw: bytes) -> tuple[str, str] | None:
    """(name, text) of an attribute that is both and short, as most are that come for the first time.

    Read by hand for half of what parsing costs. Nothing else looks like this: a name to its end, and behind it a
    value to the end of all, which is a text to the same end.
    """
    if len(raw) not in _SHORT or raw[0] != _NAME_TAG:
        return None
    end = 2 + raw[1]
    if raw[end : end + 4] != _TEXT_HEADS.get(len(raw) - end):
        return None
    try:
        return raw[2:end].decode(), raw[end + 4 :].decode()
    except UnicodeDecodeError:
        return None


def _parsed_pair(raw: bytes) -> tuple[str, Any]:
    _check_size(raw, "attributes")
    try:
        attribute = KeyValue.FromString(raw)
    except DecodeError:
        raise _unreadable(KeyValue, "attributes") from None
    return attribute.key, value_of(attribute.value)


class AttributeReader:
    """Reads the attributes of one request, within what it may use."""

    def __init__(self, pairs: Pairs = _pairs) -> None:
        self._pairs = pairs
        self._units = Budget(MAX_UNITS)
        self._shared_bytes = Budget(MAX_SHARED_BYTES)
        self.log_buckets = Budget(MAX_LOG_BUCKETS)

    def spend(self, units: int) -> None:
        """Take this much of what the request may use, before it is used. Raises TooManyRecords."""
        self._units.spend(units)

    def share(self, byte_count: int, attribute_count: int) -> None:
        """Take room for one more copy of attributes that were sent once. Raises TooManyRecords."""
        self.spend(UNITS_OF_ATTRIBUTE * attribute_count)
        self._shared_bytes.spend(byte_count)

    def read(self, raws: Sequence[bytes]) -> Attributes:
        """Attributes by name; of two with one name the last counts. Raises BadRecord, TooManyRecords."""
        self._units.spend(UNITS_OF_ATTRIBUTE * len(raws))
        # By `map`, so that what was seen before costs no step of the interpreter; a slice is copied in one step, too.
        return dict(map(self._pairs.__getitem__, raws[:]))

    def parts(self, message_class: MessageClass, raws: Sequence[bytes], field: str) -> list[Message]:
        """Messages that repeat inside a record. Raises BadRecord, TooManyRecords."""
        self.spend(UNITS_OF_PART * len(raws))
        return [parsed(message_class, raw, field) for raw in raws]


def _check_size(raw: bytes, field: str) -> None:
    if len(raw) > MAX_VALUE_BYTES:
        raise BadRecord(field, f"one value has more than {MAX_VALUE_BYTES:,} bytes", "too_large")


def moment(unix_nanos: int, field: str) -> datetime:
    """A time, exact to the microsecond. Raises BadRecord where none is given."""
    if not unix_nanos:
        raise BadRecord(field, f"{field} is required", "required")
    return _EPOCH + timedelta(0, 0, unix_nanos // 1000)


def moment_text(unix_nanos: int) -> str:
    """RFC 3339 in UTC with microseconds."""
    at = _EPOCH + timedelta(0, 0, unix_nanos // 1000)
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def hex_id(raw: bytes, byte_count: int, field: str) -> str:
    """An id in lower-case hexadecimal. Raises BadRecord for another length, or where all bytes are 0."""
    if len(raw) == byte_count and any(raw):
        return raw.hex()
    if raw and not any(raw):
        raise BadRecord(field, f"{field} must not be all zeros")
    raise BadRecord(field, f"{field} must have {byte_count} bytes, not {len(raw)}")


def optional_hex_id(raw: bytes, byte_count: int, field: str) -> str | None:
    """As `hex_id`; None where it is empty or all zeros, which both mean that there is none."""
    if not any(raw):
        return None
    return raw.hex() if len(raw) == byte_count else hex_id(raw, byte_count, field)
