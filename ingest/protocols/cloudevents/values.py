"""The value types of CloudEvents 1.0 (spec.md, "Type System"), checked."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec

_NAME_CHARACTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_LARGEST_INTEGER = 2**31 - 1
_REPEATED_LENGTH = 200

# Control characters, surrogates and those that Unicode never assigns (the last two of each plane).
_NOT_ALLOWED = re.compile(
    "[\0-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane * 0x10000 + 0xFFFE) + chr(plane * 0x10000 + 0xFFFF) for plane in range(17))
    + "]"
)

# RFC 3986, appendix A. Possessive, so that no text costs more than one pass.
_PATH_CHARACTER = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})"
_AUTHORITY = r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2}|\[[0-9A-Fa-f:.vV]++\])*+"
_URI_REFERENCE = re.compile(
    rf"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*+:)?"
    rf"(?://{_AUTHORITY}(?=[/?#]|\Z))?"
    rf"(?P<path>(?:{_PATH_CHARACTER}|/)*+)"
    rf"(?:\?(?:{_PATH_CHARACTER}|[/?])*+)?"
    rf"(?:\#(?:{_PATH_CHARACTER}|[/?])*+)?"
)

_TOKEN = r"[A-Za-z0-9!#$%&'*+.^_`|~\-]++"
_MEDIA_TYPE = re.compile(rf"{_TOKEN}/{_TOKEN}\s*+(?:;.*+)?")
_RFC_3339 = re.compile(
    r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:(?P<second>\d\d)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)", re.ASCII
)


def is_name(text: str) -> bool:
    """Lower-case letters and digits only."""
    return bool(text) and _NAME_CHARACTERS.issuperset(text)


def is_string(text: str) -> bool:
    """Without control characters, halves of surrogate pairs and noncharacters."""
    return (text.isascii() and text.isprintable()) or _NOT_ALLOWED.search(text) is None


def is_integer(value: object) -> bool:
    """A whole number of 32 bits."""
    return type(value) is int and -_LARGEST_INTEGER - 1 <= value <= _LARGEST_INTEGER


def is_uri_reference(text: str) -> bool:
    """By RFC 3986."""
    return _is_repeated_reference(text) if len(text) <= _REPEATED_LENGTH else _is_reference(text)


def _is_reference(text: str) -> bool:
    found = _URI_REFERENCE.fullmatch(text)
    if found is None:
        return False
    # Without a scheme a colon in the first segment would read as one.
    return bool(found["scheme"]) or "//" in text[:2] or ":" not in found["path"].partition("/")[0]


# Sources repeat; longer ones would fill the memory.
_is_repeated_reference = lru_cache(maxsize=1024)(_is_reference)


def is_uri(text: str) -> bool:
    """A URI-reference that begins with a scheme."""
    found = _URI_REFERENCE.fullmatch(text)
    return found is not None and bool(found["scheme"])


def is_media_type(text: str) -> bool:
    """By RFC 2046, with or without parameters."""
    return _MEDIA_TYPE.fullmatch(text) is not None


def parse_time(text: str) -> datetime:
    """RFC 3339 to the microsecond, a leap second as the one after it. Raises ValueError."""
    found = _RFC_3339.fullmatch(text)
    if found is None:
        raise ValueError("is not an RFC 3339 time")
    is_leap = found["second"] == "60"
    if is_leap:
        start, end = found.span("second")
        text = f"{text[:start]}59{text[end:]}"
    try:
        moment = msgspec.convert(text, datetime)
        return moment + timedelta(seconds=is_leap)
    except (msgspec.ValidationError, OverflowError):
        raise ValueError("is not an RFC 3339 time") from None
