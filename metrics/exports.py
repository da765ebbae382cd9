"""Metric points as a file: as they are stored, of all series that match."""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import QuerySet

from metrics.explorer.choice import names_in
from metrics.filters import MetricPointFilterSet
from metrics.models import MetricPoint, Temporality
from projects.jobs import registry
from projects.jobs.exporting import Export, export_kind, filtered

OF_THE_PICTURE = frozenset({"aggregation", "group_by", "compare", "scale"})
"""What the explorer draws points as; each of them is exported whatever the chart makes of it."""

COLUMNS = {
    "series_id": "series_id",
    "metric_name": "series__name",
    "metric_value": "value",
    "metric_type": "series__metric_type",
    "metric_unit": "series__unit",
    "service_name": "series__service_name",
    "host_name": "series__host_name",
    "instance_id": "series__instance_id",
    "timestamp": "timestamp",
    "received_at": "received_at",
    "tags": "series__labels",
    "percentile_50": "percentile_50",
    "percentile_90": "percentile_90",
    "percentile_95": "percentile_95",
    "percentile_99": "percentile_99",
    "count": "count",
    "sum": "sum",
    "min": "min",
    "max": "max",
    "stale": "stale",
    "temporality": "temporality",
    "start_time": "start_time",
    "histogram": "histogram",
}
"""Each name of the API and where it is stored."""


def _rows(project_id: int, filters: Mapping[str, str]) -> QuerySet[MetricPoint]:
    """As the explorer understands `metric_name`: one name, or several with commas between them."""
    kept = {name: value for name, value in filters.items() if name not in OF_THE_PICTURE}
    names = kept.pop("metric_name", "")
    rows = MetricPoint.objects.filter(project_id=project_id)
    if names:
        rows = rows.filter(series__name__in=[names, *names_in(names)])
    return filtered(MetricPointFilterSet, rows, kept)


KIND = registry.register(
    export_kind(
        "export_points",
        "Export metric points",
        "metrics.view_metricseries",
        Export(
            rows=_rows,
            keyset=("timestamp", "series_id"),
            columns=COLUMNS,
            # Text: an id has more digits than spreadsheets and JavaScript keep.
            converted={"series_id": str, "temporality": lambda number: Temporality(number).name.lower()},
            noun="points",
        ),
    )
)
