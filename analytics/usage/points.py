"""Metric points of features, so that ordinary rules can watch them.

`feature_adoption_ratio{feature}`, a gauge: people who used the feature / people who did anything, in the feature's
window up to now. Nothing is written where nobody did anything. A point that could not be stored is left out: the next
one says the same.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import Error
from django.db.models import F, Q, QuerySet

from analytics.in_time import in_time
from analytics.models.features import Feature
from analytics.points import Point, kept, sent
from analytics.usage.features import MAX_FEATURES, Defined, defined
from analytics.usage.periods import HOUR, Periods
from projects.api.errors import BadRequest

logger = logging.getLogger(__name__)

METRIC = "feature_adoption_ratio"

EVERY = timedelta(minutes=5)
"""Days are looked at, so a point a minute would say nothing more."""

PAUSES = 20
"""So many times as long as measuring took nothing is measured again."""

MOST_SECONDS = 10.0
"""For the features of a project with the same window, which are read together."""


def is_anything_due(now: datetime) -> bool:
    """Whether a feature waits to be measured."""
    return _due(now).exists()


def write(now: datetime, seconds: float) -> None:
    """Write the points of the features that are due, the longest waiting first; begin none after so many seconds."""
    began = time.monotonic()
    while time.monotonic() - began < seconds and (features := _next_due(now)):
        if taken := [found for one in features if _is_claimed(one, now) and (found := defined(one))]:
            _measure(taken, now)


def window(length: timedelta, now: datetime) -> Periods:
    """One stretch of whole hours up to now, the running one included. Pure."""
    end = now.replace(minute=0, second=0, microsecond=0) + HOUR
    return Periods((end - length,), end)


def _due(now: datetime) -> QuerySet[Feature]:
    return Feature.objects.filter(Q(measure_at=None) | Q(measure_at__lte=now))


def _next_due(now: datetime) -> Sequence[Feature]:
    """The one that has waited longest, with those of its project that look at the same window."""
    first = _due(now).order_by(F("measure_at").asc(nulls_first=True), "pk").first()
    if first is None:
        return ()
    return list(_due(now).filter(project=first.project_id, window_days=first.window_days)[:MAX_FEATURES])


def _is_claimed(feature: Feature, now: datetime) -> bool:
    """Whether no other process has taken it meanwhile."""
    found = Feature.objects.filter(pk=feature.pk, measure_at=feature.measure_at)
    return bool(found.update(measure_at=now + EVERY))


def _measure(features: Sequence[Defined], now: datetime) -> None:
    # numpy takes 20 MB, which a worker without features needn't hold.
    from analytics.usage.answers import adoption_of_all

    began, project_id = time.monotonic(), features[0].project_id
    try:
        with in_time(MOST_SECONDS):
            found = adoption_of_all(project_id, features, window(features[0].window, now))
        sent(project_id, kept(_points(features, [one["adoption_ratio"] for one in found]), now))
    except (Error, BadRequest):
        logger.exception("adoption of features of project %s could not be measured", project_id)
    pause = max(EVERY, timedelta(seconds=time.monotonic() - began) * PAUSES)
    Feature.objects.filter(pk__in=[one.feature_id for one in features]).update(measure_at=now + pause)


def _points(features: Sequence[Defined], ratios: Sequence[float | None]) -> list[Point]:
    return [
        Point(name=METRIC, type="gauge", unit="1", value=ratio, tags={"feature": feature.slug})
        for feature, ratio in zip(features, ratios, strict=True)
        if ratio is not None
    ]
