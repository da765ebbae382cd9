"""Spans as a file: everything that matches the explorer's filters."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet

from projects.jobs import registry
from projects.jobs.exporting import Export, export_kind, filtered
from traces.filters import SpanFilterSet
from traces.models import Span
from traces.serializers import SpanSerializer

COLUMNS = tuple(SpanSerializer.Meta.fields)
"""Named as in the API."""

OF_THE_PICTURE = frozenset({"cursor", "scale"})
"""How the explorer shows what it finds."""


def _rows(project_id: int, filters: Mapping[str, str]) -> QuerySet[Span]:
    """As in the explorer, `match=root` means the first span of each trace; without it, all spans."""
    kept = {name: value for name, value in filters.items() if name not in OF_THE_PICTURE}
    rows = Span.objects.filter(project_id=project_id)
    if kept.pop("match", "any") == "root":
        rows = rows.filter(parent_span_id__isnull=True)
    return filtered(SpanFilterSet, rows, kept)


KIND = registry.register(
    export_kind(
        "export_spans",
        "Export spans",
        "traces.view_span",
        Export(
            rows=_rows,
            keyset=("start_time", "trace_id", "span_id"),
            columns={name: name for name in COLUMNS},
            noun="spans",
        ),
    )
)
