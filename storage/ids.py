"""Ids as clients send them: UUIDs as they are, any other text as a UUIDv5, times read out of UUIDv7 and ULID."""

from __future__ import annotations

import re
import uuid
from datetime import UTC, datetime

NAMESPACE = uuid.UUID("6f1c1d1e-5a0e-5c1b-9a52-7e1e3e7279a1")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_HEX = re.compile(r"[0-9A-Fa-f]+")
_ULID = re.compile(r"[0-7][0-9A-HJKMNP-TV-Za-hjkmnp-tv-z]{25}")
_CROCKFORD = {character: value for value, character in enumerate("0123456789ABCDEFGHJKMNPQRSTVWXYZ")}


def normal_trace_id(text: str) -> str:
    """A trace or span id as it is stored: hexadecimal ones in lower case (W3C Trace Context)."""
    return text.lower() if _HEX.fullmatch(text) else text


def as_uuid(text: str) -> uuid.UUID | None:
    """The UUID a text in the canonical form stands for; other spellings are plain texts."""
    return uuid.UUID(text) if _UUID.fullmatch(text) else None


def stored_id(
    project_id: int, source: str | None, text: str, *, is_text: bool = False
) -> tuple[str, str | None]:
    """(id to store, text to keep): a UUID keeps no text, another text becomes UUIDv5 of (project, source, text).

    `is_text`: it is one whatever it looks like.

    The id in canonical form: making a UUID object of each costs more than decoding the whole record.
    """
    if not is_text and _UUID.fullmatch(text):
        return text.lower(), None
    return str(uuid.uuid5(NAMESPACE, f"{project_id}\0{source or ''}\0{text}")), text


def time_in_id(text: str) -> datetime | None:
    """The time a UUIDv7 (RFC 9562) or ULID carries, in milliseconds; None for other ids."""
    if _UUID.fullmatch(text):
        if text[14] != "7":
            return None
        milliseconds = int(text[0:8] + text[9:13], 16)
    elif _ULID.fullmatch(text):
        milliseconds = 0
        for character in text[:10].upper():
            milliseconds = milliseconds * 32 + _CROCKFORD[character]
    else:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (ValueError, OverflowError):
        return None
