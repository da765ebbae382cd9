"""The header of W3C Trace Context, which other formats carry as a field."""

from __future__ import annotations

import re

_TRACEPARENT = re.compile(
    r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-[0-9a-f]{2}(?:-.*)?"
)


def parse_traceparent(text: str) -> tuple[str | None, str | None]:
    """(trace id, span id); None for both where it is no traceparent."""
    found = _TRACEPARENT.fullmatch(text)
    return (found[1], found[2]) if found else (None, None)
