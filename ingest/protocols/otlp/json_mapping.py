"""OTLP/JSON as the protobuf message it stands for.

protobuf's own JSON mapping with OTLP's exceptions (opentelemetry-proto, docs/specification.md, "JSON Protobuf
Encoding"): ids in hexadecimal, enums as integers only, lowerCamelCase names only. protobuf's own parser takes more:
names of enums, snake_case, ids in base64.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import msgspec
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from ingest.protocols.base import MAX_RECORDS, FormatError, TooManyRecords

MAX_DEPTH = 100
"""Levels of messages, as in protobuf's binary encoding."""

MAX_VALUES = 2_000_000
"""Objects, lists and their members in a body: each takes up to 200 bytes in memory, however few it has here."""

_HEX_FIELDS = ("trace_id", "span_id", "parent_span_id")


_NAMED_ENUMS = ("aggregation_temporality",)
"""Enums whose names are taken beside integers: recorders that write protobuf's own mapping name them, and a name can't
be mistaken for anything else."""


class _Wrong(ValueError):
    """A value that its field doesn't take; `path` grows from the inside out."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.path: list[str] = []


def to_protobuf(body: bytes, message_class: type[Message]) -> bytes:
    """The body in protobuf's binary encoding. Raises FormatError naming the place, TooManyRecords."""
    if body.count(b",") + body.count(b"{") + body.count(b"[") > MAX_VALUES:
        raise TooManyRecords
    message = message_class()
    try:
        _fill(message, msgspec.json.decode(body), 0)
    except _Wrong as error:
        path = "".join(reversed(error.path)).lstrip(".")
        raise FormatError(f"{path or 'The body'}: {error}.", path) from None
    except RecursionError:
        raise FormatError("The body nests too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"The body is not valid JSON: {error}.") from None
    return message.SerializeToString()


@dataclass(frozen=True, slots=True)
class _Field:
    """How a member of a JSON object goes into a message."""

    name: str
    converted: Callable[[Any], Any] | None
    """None for messages."""
    repeats: bool
    oneof: str


@cache
def _fields(descriptor: Descriptor) -> dict[str, _Field]:
    return {
        field.json_name: _Field(
            field.name,
            None if field.message_type else _converter(field),
            field.is_repeated,
            field.containing_oneof.name if field.containing_oneof else "",
        )
        for field in descriptor.fields
    }


def _fill(message: Message, value: Any, depth: int) -> None:
    """Set the fields that a JSON object names; unknown ones are for newer versions than ours."""
    if not isinstance(value, dict):
        raise _Wrong("expected an object")
    if depth > MAX_DEPTH:
        raise _Wrong(f"more than {MAX_DEPTH} levels")
    fields = _fields(message.DESCRIPTOR)
    chosen: set[str] = set()
    for key, inner in value.items():
        field = fields.get(key)
        if field is None or inner is None:
            continue
        try:
            if field.oneof in chosen:
                raise _Wrong("only one of these fields may be set")
            if field.oneof:
                chosen.add(field.oneof)
            _set(message, field, inner, depth)
        except _Wrong as error:
            error.path.append(f".{key}")
            raise


def _set(message: Message, field: _Field, value: Any, depth: int) -> None:
    if field.repeats:
        _extend(getattr(message, field.name), field, value, depth)
    elif field.converted is None:
        inner = getattr(message, field.name)
        inner.SetInParent()
        _fill(inner, value, depth + 1)
    else:
        _assign(lambda converted: setattr(message, field.name, converted), field.converted(value))


def _extend(items: Any, field: _Field, values: Any, depth: int) -> None:
    if not isinstance(values, list):
        raise _Wrong("expected a list")
    if field.converted is None and len(values) > MAX_RECORDS:
        raise TooManyRecords
    for index, value in enumerate(values):
        try:
            if field.converted is None:
                _fill(items.add(), value, depth + 1)
            else:
                _assign(items.append, field.converted(value))
        except _Wrong as error:
            error.path.append(f"[{index}]")
            raise


def _assign(assign: Callable[[Any], None], value: Any) -> None:
    try:
        assign(value)
    except ValueError as error:
        # protobuf knows the range of each integer.
        raise _Wrong(str(error)) from None


def _converter(field: FieldDescriptor) -> Callable[[Any], Any]:
    if field.type == field.TYPE_BYTES:
        return _hex if field.name in _HEX_FIELDS else _base64
    if field.name in _NAMED_ENUMS and field.enum_type:
        numbers = {value.name: value.number for value in field.enum_type.values}
        return lambda value: _enum(numbers.get(value, value) if isinstance(value, str) else value)
    return _CONVERTERS[field.type]


def _integer(value: Any) -> int:
    """A number without a fraction, or a text of digits: 64-bit integers travel as texts."""
    if (
        isinstance(value, str)
        and len(value) <= 20
        and value.removeprefix("-").isdecimal()
        and value.isascii()
    ):
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return _whole(value, "expected an integer")


def _enum(value: Any) -> int:
    return _whole(value, "expected the integer of an enum")


def _whole(value: Any, complaint: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise _Wrong(complaint)
    return value


def _double(value: Any) -> float:
    """A number, or one as text: that is how NaN and Infinity travel."""
    if isinstance(value, (int, float, str)) and not isinstance(value, bool):
        try:
            return float(value)
        except (ValueError, OverflowError):
            pass
    raise _Wrong("expected a number")


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _Wrong("expected a text")
    return value


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool):
        raise _Wrong("expected true or false")
    return value


def _hex(value: Any) -> bytes:
    try:
        return binascii.unhexlify(_text(value))
    except ValueError:
        raise _Wrong("expected hexadecimal digits") from None


def _base64(value: Any) -> bytes:
    """Standard or URL-safe alphabet, with or without padding, as protobuf's JSON mapping has it."""
    text = _text(value).rstrip("=").translate(_URL_SAFE)
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except ValueError:
        raise _Wrong("expected base64") from None


_URL_SAFE = str.maketrans("-_", "+/")

_CONVERTERS: dict[int, Callable[[Any], Any]] = {
    FieldDescriptor.TYPE_BOOL: _boolean,
    FieldDescriptor.TYPE_DOUBLE: _double,
    FieldDescriptor.TYPE_ENUM: _enum,
    FieldDescriptor.TYPE_FIXED32: _integer,
    FieldDescriptor.TYPE_FIXED64: _integer,
    FieldDescriptor.TYPE_INT32: _integer,
    FieldDescriptor.TYPE_INT64: _integer,
    FieldDescriptor.TYPE_SFIXED64: _integer,
    FieldDescriptor.TYPE_SINT32: _integer,
    FieldDescriptor.TYPE_STRING: _text,
    FieldDescriptor.TYPE_UINT32: _integer,
    FieldDescriptor.TYPE_UINT64: _integer,
}
