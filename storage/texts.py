"""Texts that are longer than the place they are for."""

from __future__ import annotations

from storage.fields import MAX_NAME


def cut(text: str, limit: int = MAX_NAME) -> str:
    """At most `limit` characters, the last one "…" where something is left out."""
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
