"""Events as a file: everything that matches what the explorer's URL asks for."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet

from events.explorer.reading import matching
from events.explorer.selection import condition_over, terms_of
from events.explorer.table import COLUMNS, exportable
from events.models import Event
from projects.jobs import registry
from projects.jobs.exporting import Export, export_kind
from projects.jobs.registry import CannotStart
from projects.pages.page import Problem


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
