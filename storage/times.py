"""Times as clients write them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import msgspec

UNIX_SECONDS_BELOW = 1e11
"""A Unix number below this is seconds (until the year 5138), else milliseconds (since 1973)."""

# A "+" of an offset arrives as a blank from clients that don't escape query strings.
_UNESCAPED_OFFSET = re.compile(r"^(.*T.*) (\d\d:\d\d)$")

_BARE_DAY = re.compile(r"^\d{4}-\d\d-\d\d$")


def from_unix(number: float) -> datetime:
    """A Unix number in seconds or milliseconds. Raises ValueError outside the years 1 to 9999."""
    try:
        seconds = number if abs(number) < UNIX_SECONDS_BELOW else number / 1000
        return datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        raise ValueError("a Unix number outside the years 1 to 9999 is not a time") from None


def as_utc(value: datetime) -> datetime:
    """A datetime in UTC; one without a zone is read as UTC. Raises ValueError where UTC leaves the years 1 to 9999."""
    if value.tzinfo is UTC:
        return value
    if value.tzinfo is None:
        return value.replace(tzinfo=UTC)
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"{value.isoformat()} is out of range") from None


def utc_time(value: datetime | float) -> datetime:
    """The time a record names, in UTC. Raises ValueError outside the years 1 to 9999."""
    return as_utc(value) if isinstance(value, datetime) else from_unix(value)


def parse_time(text: str) -> datetime:
    """RFC 3339, a bare day (its midnight in UTC) or a Unix number as text, as an aware datetime in UTC.

    Raises ValueError with a readable message.
    """
    try:
        number = float(text)
    except ValueError:
        number = None
    if number is not None:
        return from_unix(number)
    if _BARE_DAY.match(text):
        text += "T00:00:00Z"
    try:
        return as_utc(msgspec.convert(_UNESCAPED_OFFSET.sub(r"\1+\2", text), datetime, strict=False))
    except msgspec.ValidationError:
        raise ValueError(f"{text[:100]!r} is neither an RFC 3339 time nor a Unix number") from None
