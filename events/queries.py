"""Reads of events beyond a one-line queryset."""

from __future__ import annotations

from django.db.models import QuerySet

from events.models import Event
from storage.ids import as_uuid


def with_id(events: QuerySet[Event], text: str) -> QuerySet[Event]:
    """The events with this UUID or client id: one per time it was sent with."""
    identifier = as_uuid(text)
    return events.filter(id=identifier) if identifier else events.filter(client_id=text)


def newest_by_id(events: QuerySet[Event], text: str) -> Event | None:
    """The event with this UUID or client id; the newest where several have it."""
    if "\0" in text:
        return None
    return with_id(events, text).order_by("-event_timestamp").first()
