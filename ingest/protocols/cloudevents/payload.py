"""The data of a CloudEvent as the properties of an event.

An object becomes the properties as it is. Any other JSON value and every text goes under `data`, bytes that are
neither JSON nor text go under `data_base64`. Which of them bytes are is said by datacontenttype, so an event is stored
alike in whatever mode it came; bytes that are not what they are called are kept all the same.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import msgspec

from ingest.protocols.base import FormatError
from ingest.protocols.cloudevents.attributes import InvalidCloudEvent
from ingest.protocols.native import check_depth

JSON = "application/json"

# No other codec is asked: some of Python's take the square of the length.
_CHARSETS = frozenset({"utf-8", "us-ascii", "iso-8859-1", "windows-1252", "utf-16"})
_TEXTS = frozenset({"application/xml", "application/x-www-form-urlencoded", "application/javascript"})

Properties = dict[str, Any] | None

_decode = msgspec.json.Decoder().decode


def from_members(event: dict[str, Any], content_type: str | None) -> Properties:
    """Properties from `data` or `data_base64`, which are taken out of a structured event. Raises InvalidCloudEvent."""
    encoded = event.pop("data_base64", None)
    if "data" in event:
        if encoded is not None:
            raise InvalidCloudEvent("data_base64", "data and data_base64 exclude each other")
        return _as_properties(event.pop("data"))
    if encoded is None:
        return None
    try:
        return from_bytes(base64.b64decode(encoded, validate=True), content_type or "")
    except (TypeError, ValueError, binascii.Error):
        raise InvalidCloudEvent("data_base64", "data_base64 is not base64") from None


def from_bytes(data: bytes, content_type: str) -> Properties:
    """Properties from the bytes of a binary event; None where there are none."""
    if not data:
        return None
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    if media_type.endswith(("/json", "+json")):
        try:
            check_depth(data)
            return _as_properties(_decode(data))
        except (FormatError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return _text_or_bytes(data, "utf-8")
    if media_type.startswith("text/") or media_type.endswith("+xml") or media_type in _TEXTS:
        return _text_or_bytes(data, _charset(parameters))
    return _as_bytes(data)


def _as_properties(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {"data": value}


def _text_or_bytes(data: bytes, charset: str) -> dict[str, Any]:
    if charset not in _CHARSETS:
        return _as_bytes(data)
    try:
        return {"data": data.decode(charset)}
    except UnicodeDecodeError:
        return _as_bytes(data)


def _as_bytes(data: bytes) -> dict[str, Any]:
    return {"data_base64": base64.b64encode(data).decode()}


def _charset(parameters: str) -> str:
    for parameter in parameters.split(";"):
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return "utf-8"
