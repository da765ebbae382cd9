"""The reader's time zone: their browser names it in a cookie."""

from __future__ import annotations

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo

from django.http import HttpRequest

COOKIE = "timezone"


def zone_of(request: HttpRequest) -> tzinfo:
    """UTC until the browser has said something better."""
    name = request.COOKIES.get(COOKIE, "")
    if not name or len(name) > 64:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return UTC


def zone_name(zone: tzinfo) -> str:
    """As browsers write it: Europe/Berlin."""
    return getattr(zone, "key", "") or "UTC"
