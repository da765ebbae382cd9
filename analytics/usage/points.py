"""Metric points of features, so that ordinary rules can watch them.

`feature_adoption_ratio{feature}`, a gauge: people who used the feature / people who did anything, in the feature's
window up to now. Nothing is written where nobody did anything. A point that could not be stored is left out: the next
one says the same.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import Error

from analytics.due import MOST_SECONDS, Due
from analytics.models.features import Feature
from analytics.points import Point, kept, sent
from analytics.usage.features import MAX_FEATURES, Defined, defined
from analytics.usage.periods import HOUR, Periods
from projects.time_limits import TooCostly, answered_within

logger = logging.getLogger(__name__)

METRIC = "feature_adoption_ratio"

DUE = Due(lambda _: Feature.objects.all(), "measure_at")


def write(now: datetime, seconds: float) -> None:
    """Write the points of the features that are due, the longest waiting first; begin none after so many seconds."""
    for first in DUE.turns(now, seconds):
        # Those of its project that look at the same window are read together.
        others = DUE.rows(now).filter(project=first.project_id, window_days=first.window_days)
        _measure([first, *(one for one in others[: MAX_FEATURES - 1] if DUE.takes(one, now))], now)


def window(length: timedelta, now: datetime) -> Periods:
    """One stretch of whole hours up to now, the running one included. Pure."""
    end = now.replace(minute=0, second=0, microsecond=0) + HOUR
    return Periods((end - length,), end)


def _measure(rows: Sequence[Feature], now: datetime) -> None:
    features = [found for row in rows if (found := defined(row))]
    if not features:
        return
    # numpy takes 20 MB, which a worker without features needn't hold.
    from analytics.usage.answers import adoption_of_all

    project_id = features[0].project_id
    with DUE.paced(rows, now):
        try:
            with answered_within(MOST_SECONDS):
                shares = adoption_of_all(project_id, features, window(features[0].window, now))
            points = kept(_points(features, [one["adoption_ratio"] for one in shares]), now)
            if not sent(project_id, points):
                logger.warning("adoption of features of project %s was not stored", project_id)
        except (Error, TooCostly):
            logger.exception("adoption of features of project %s could not be measured", project_id)


def _points(features: Sequence[Defined], ratios: Sequence[float | None]) -> list[Point]:
    return [
        Point(name=METRIC, type="gauge", unit="1", value=ratio, tags={"feature": feature.slug})
        for feature, ratio in zip(features, ratios, strict=True)
        if ratio is not None
    ]
