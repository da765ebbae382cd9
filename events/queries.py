"""Reads of events beyond a one-line queryset."""

from __future__ import annotations

from django.db.models import QuerySet

from events.models import Event
from storage.ids import as_uuid


def newest_by_id(events: QuerySet[Event], text: str) -> Event | None:
    """The event with this UUID or client id; the newest where several have it."""
    if "\0" in text:
        return None
    identifier = as_uuid(text)
    matching = events.filter(id=identifier) if identifier else events.filter(client_id=text)
    return matching.order_by("-event_timestamp").first()
