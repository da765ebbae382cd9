"""Metric points that analytics writes: made in a transaction with what they tell of, and sent after it.

Whoever makes points keeps them with `kept` in a row, in the transaction that makes them, sends them, and forgets them
once they are stored. Killed in between, the next one sends them again: the writer stores the same points once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, NotRequired, TypedDict

from metrics.distribution import Distribution
from metrics.models import MetricPoint
from metrics.recording import record_points
from metrics.records import MetricType, PointRecord
from metrics.series import labels_of, series_identity
from storage.times import parse_time
from storage.writer import QueueFull, StoreUnavailable

logger = logging.getLogger(__name__)

NEWEST_WITHIN = timedelta(days=1)


class Point(TypedDict):
    """A point as JSON: a value, or a distribution as `dataclasses.asdict` gives it."""

    name: str
    type: MetricType
    unit: str
    value: NotRequired[float]
    distribution: NotRequired[dict[str, Any]]
    tags: NotRequired[dict[str, str]]


def kept(points: Iterable[Point], at: datetime) -> dict[str, Any]:
    """What to remember of points of one moment."""
    return {"at": at.isoformat(), "points": list(points)}


def sent(project_id: int, remembered: Mapping[str, Any]) -> bool:
    """Store what `kept` gave; False when that wasn't possible and has to be tried again."""
    at = parse_time(remembered["at"])
    try:
        errors = record_points(project_id, [_record(point, at) for point in remembered["points"]], at)
    except (QueueFull, StoreUnavailable):
        return False
    for error in errors:
        logger.warning("metric point of project %s refused: %s", project_id, error.message)
    return True


def newest_value(project_id: int, name: str, tags: Mapping[str, str], now: datetime) -> float | None:
    """The newest point of a gauge; None where it had none within a day."""
    series_id, _ = series_identity(project_id, name, "gauge", labels_of(tags, {}))
    points = MetricPoint.objects.filter(
        project_id=project_id, series_id=series_id, timestamp__gt=now - NEWEST_WITHIN, timestamp__lte=now
    )
    return points.order_by("-timestamp").values_list("value", flat=True).first()


def _record(point: Point, at: datetime) -> PointRecord:
    distribution = point.get("distribution")
    return PointRecord(
        metric_name=point["name"],
        metric_type=point["type"],
        metric_unit=point["unit"],
        metric_value=point.get("value"),
        distribution=Distribution(**distribution) if distribution else None,
        timestamp=at,
        tags={**point.get("tags", {})},
    )
