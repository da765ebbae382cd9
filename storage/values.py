"""Checks of values that are valid JSON but that PostgreSQL can't hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

_encode = msgspec.json.Encoder().encode

EMPTY_LIST = "[]"


def json_text(value: Mapping[str, Any] | None) -> str:
    """JSON text of an object for a `jsonb` column; None is an empty object."""
    return _encode(value).decode() if value else "{}"


def list_text(value: Sequence[Any] | None) -> str:
    """JSON text of a list for a `jsonb` column; None is an empty list."""
    return _encode(value).decode() if value else EMPTY_LIST


def has_nul(value: Any) -> bool:
    """True where a text anywhere inside holds a NUL, which PostgreSQL's text can't."""
    if isinstance(value, str):
        return "\0" in value
    if isinstance(value, Mapping):
        return any(has_nul(key) or has_nul(item) for key, item in value.items())
    if isinstance(value, (list, tuple)):
        return any(has_nul(item) for item in value)
    return False


def held(record: msgspec.Struct) -> dict[str, Any]:
    """The fields of a record by name; one that holds JSON as text (`tags_json`) as what the text says (`tags`)."""
    values: dict[str, Any] = {}
    for name in record.__struct_fields__:
        value = getattr(record, name)
        plain = name.removesuffix("_json")
        values[plain] = value if plain == name else msgspec.json.decode(value)
    return values


def nul_field(record: msgspec.Struct) -> str | None:
    """The name of the first field of a record that holds a NUL."""
    return next((name for name, value in held(record).items() if has_nul(value)), None)
