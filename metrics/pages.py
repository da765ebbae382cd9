"""What the admin page of one series shows above its fields."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.urls import reverse
from django.utils import timezone

from metrics.chart import line_chart
from metrics.distribution import percentile
from metrics.models import MetricExemplar, MetricPoint, MetricSeries
from metrics.queries import as_added
from metrics.series import COPIED_LABELS
from projects import figures
from projects.pages.zones import zone_name

DRAWN_POINTS = 500
LISTED_POINTS = 50
LISTED_EXEMPLARS = 10


def series_page(series: MetricSeries, now: datetime) -> dict[str, Any]:
    """Context of `metrics/series_page.html`."""
    newest_first = as_added(list(series.points.order_by("-timestamp")[:DRAWN_POINTS]))
    measured = [(point.timestamp, point.value) for point in reversed(newest_first) if point.value is not None]
    return {
        "explorer_url": explorer_url(series),
        "labels": sorted(series.labels.items()),
        "newest": _newest(newest_first, now),
        "unit": unit_text(series.unit),
        "chart": line_chart(measured, timezone.get_current_timezone()),
        "zone": zone_name(timezone.get_current_timezone()),
        "point_count": len(measured),
        "rows": [_row(point) for point in newest_first[:LISTED_POINTS]],
        "is_distribution": any(point.count is not None for point in newest_first),
        "exemplars": [
            _exemplar(found) for found in series.exemplars.order_by("-timestamp")[:LISTED_EXEMPLARS]
        ],
    }


def explorer_url(series: MetricSeries) -> str:
    """The metric explorer with this series alone."""
    labels = {
        name if name in COPIED_LABELS else f"tags.{name}": value
        for name, value in series.labels.items()
        if value
    }
    query = urlencode({"project": series.project_id, "metric_name": series.name, "range": "24h", **labels})
    return f"{reverse('explore_metrics')}?{query}"


def value_text(point: MetricPoint | None) -> str:
    if point is not None and point.stale:
        return "ended"
    return figures.number(point.value if point else None)


def unit_text(unit: str) -> str:
    """The unit as people write it beside a number: nothing for 1, UCUM's unit of what is merely counted."""
    return "" if unit == "1" else unit


def _newest(newest_first: Sequence[MetricPoint], now: datetime) -> dict[str, Any] | None:
    if not newest_first:
        return None
    point = newest_first[0]
    return {"text": value_text(point), "age": figures.age_html(point.timestamp, now)}


def _row(point: MetricPoint) -> dict[str, Any]:
    p95 = point.percentile_95
    if p95 is None and point.buckets:
        p95 = percentile(point.buckets, 0.95)
    return {
        "timestamp": point.timestamp,
        "value": value_text(point),
        "count": figures.NOTHING if point.count is None else point.count,
        "min": figures.number(point.min),
        "max": figures.number(point.max),
        "p95": figures.number(p95),
    }


def _exemplar(found: MetricExemplar) -> dict[str, Any]:
    return {
        "timestamp": found.timestamp,
        "value": figures.number(found.value),
        "trace_id": found.trace_id,
        "trace_url": _trace_url(found) if found.trace_id else "",
        "attributes": sorted(found.attributes.items()),
    }


def _trace_url(found: MetricExemplar) -> str:
    # By name: traces are another signal's pages.
    return f"{reverse('explore_trace', args=[found.trace_id])}?{urlencode({'project': found.project_id})}"
