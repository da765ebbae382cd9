"""What makes a CloudEvent valid: its context attributes (spec.md, "Context Attributes")."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from ingest.protocols.cloudevents.values import (
    is_integer,
    is_media_type,
    is_name,
    is_string,
    is_uri,
    is_uri_reference,
    parse_time,
)

VERSION = "1.0"
REQUIRED = ("specversion", "id", "source", "type")

Attributes = dict[str, str | int | bool | datetime]


class InvalidCloudEvent(ValueError):
    """Not a CloudEvent; `attribute` is what is wrong with it, '' for the whole."""

    def __init__(self, attribute: str, message: str, code: str = "invalid") -> None:
        super().__init__(message)
        self.attribute = attribute
        self.message = message
        self.code = code


def checked(given: Mapping[str, Any]) -> Attributes:
    """The attributes that are set, `time` as a datetime. Raises InvalidCloudEvent for the first that is wrong."""
    found: Attributes = {name: value for name, value in given.items() if value is not None}
    for name in REQUIRED:
        if name not in found or found[name] == "":
            raise InvalidCloudEvent(name, f"{name} is required", "required")
    for name, value in found.items():
        if problem := _CORE[name](value) if name in _CORE else _extension_problem(name, value):
            raise InvalidCloudEvent(name[:200], f"{name[:200]} {problem}")
    if isinstance(time := found.get("time"), str):
        found["time"] = _time_of(time)
    return found


def _time_of(text: str) -> datetime:
    try:
        return parse_time(text)
    except ValueError as error:
        raise InvalidCloudEvent("time", f"time {error}") from None


def _text(value: Any) -> str:
    if not isinstance(value, str):
        return "must be a text"
    if not value:
        return "must not be empty"
    return "" if is_string(value) else "holds a character that CloudEvents do not allow"


def _text_that(holds: Callable[[str], bool], otherwise: str) -> Callable[[Any], str]:
    return lambda value: _text(value) or ("" if holds(value) else otherwise)


_CORE: dict[str, Callable[[Any], str]] = {
    "specversion": _text_that(lambda value: value == VERSION, f"must be {VERSION!r}"),
    "id": _text,
    "source": _text_that(is_uri_reference, "is not a URI-reference"),
    "type": _text,
    "subject": _text,
    "time": _text,
    "datacontenttype": _text_that(is_media_type, "is not a media type"),
    "dataschema": _text_that(is_uri, "is not a URI"),
}
"""Attribute -> what is wrong with a value, '' for nothing."""


def _extension_problem(name: str, value: Any) -> str:
    if not is_name(name):
        return "is not a name: lower-case letters and digits only"
    if isinstance(value, str):
        return "" if is_string(value) else "holds a character that CloudEvents do not allow"
    if isinstance(value, bool) or is_integer(value):
        return ""
    return "must be a text, a boolean or a 32-bit integer"
