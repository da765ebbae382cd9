"""What a page's script or button posts beside any form, made harmless."""

from __future__ import annotations

from django.http import HttpRequest

MAX_ID_DIGITS = 17
"""A bigint has up to 19: so many always fit."""


def posted_text(request: HttpRequest, name: str, longest: int) -> str:
    """Without NUL, which PostgreSQL can't hold, and blanks around it."""
    return request.POST.get(name, "").replace("\0", "").strip()[:longest]


def posted_id(request: HttpRequest, name: str) -> int:
    """0, which no row has, where it is no id."""
    text = request.POST.get(name, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MAX_ID_DIGITS else 0
