"""Events as a file: everything that matches what the explorer's URL asks for."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast, Coalesce

from events.explorer.reading import matching
from events.explorer.selection import condition_over, terms_of
from events.models import Event
from projects.jobs import registry
from projects.jobs.exporting import Export, export_kind
from projects.jobs.registry import CannotStart
from projects.pages.page import Problem

COLUMNS: Mapping[str, str] = {
    "id": "shown_id",
    "event_name": "event_name",
    "event_type": "event_type",
    "event_category": "event_category",
    "timestamp": "event_timestamp",
    "received_at": "received_at",
    "severity": "severity",
    "user_id": "user_id",
    "anonymous_id": "anonymous_id",
    "tenant_id": "tenant_id",
    "session_id": "session_id",
    "source": "source",
    "source_ip": "source_ip",
    "user_agent": "user_agent",
    "duration_ms": "duration_ms",
    "trace_id": "trace_id",
    "span_id": "span_id",
    "tags": "tags",
    "properties": "event_data",
}
"""The API's name and the path of each."""


def exportable(events: QuerySet[Event]) -> QuerySet[Event]:
    """With `shown_id`: the id as the client wrote it."""
    return events.annotate(shown_id=Coalesce("client_id", Cast("id", TextField())))


def _rows(project_id: int, filters: Mapping[str, str]) -> QuerySet[Event]:
    try:
        named, searched = terms_of(filters)
        return exportable(matching(project_id, condition_over(project_id, [*named.values(), *searched])))
    except Problem as problem:
        raise CannotStart(str(problem)) from None


KIND = registry.register(
    export_kind(
        "export_events",
        "Export events",
        "events.view_event",
        Export(rows=_rows, keyset=("event_timestamp", "id"), columns=COLUMNS, noun="events"),
    )
)
