"""An event as a row of a file, under the names of the API."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Coalesce

from events.models import Event
from events.serializers import EventSerializer

_PATHS = {"id": "shown_id", "timestamp": "event_timestamp", "properties": "event_data"}

COLUMNS: Mapping[str, str] = {name: _PATHS.get(name, name) for name in EventSerializer.Meta.fields}
"""The API's name and the path of each, of what `exportable` gives."""


def exportable(events: QuerySet[Event]) -> QuerySet[Event]:
    """With `shown_id`: the id as the client wrote it."""
    return events.annotate(shown_id=Coalesce("client_id", Cast("id", TextField())))
