"""Texts that are longer than a column takes. Names are cut and kept whole among the tags; ids are never cut."""

from __future__ import annotations

from typing import Any

from storage.fields import MAX_NAME
from storage.texts import cut

MAX_ID = 200
MAX_USER_AGENT = 2000


def cut_into(tags: dict[str, Any], name: str, text: str, limit: int = MAX_NAME) -> str:
    """As `cut`; a text that is cut is kept whole in `tags` under the name."""
    if len(text) <= limit:
        return text
    tags[name] = text
    return cut(text, limit)
