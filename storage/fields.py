"""Types of the fields that records of several signals share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

MAX_NAME = 200

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_NAME)]
Text = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
LongText = Annotated[str, msgspec.Meta(max_length=2000)]
Milliseconds = Annotated[float, msgspec.Meta(ge=0, le=1e15)]
Actor = Text | Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""Who: a text, or a number as applications have them in their own tables."""
Moment = datetime | int | float
"""RFC 3339 (no zone = UTC) or a Unix number."""


def text_or_none(value: str | int | None) -> str | None:
    """An absent and an empty text are the same: nothing. Numbers become text."""
    if isinstance(value, str):
        return value or None
    return None if value is None else str(value)
