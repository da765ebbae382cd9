"""Metric points of saved funnels, so that ordinary rules can watch them. Of the days up to each point, label `funnel`:

* `funnel_conversion_ratio`: of those who began, the share that reached the last step.
* `funnel_step_completion`, also labelled `step` (from 1): the share that reached this step.

Nothing is written where nobody began. A point a few minutes; a funnel that takes long has more time between them, so
that all of them together never hold more than a small share of one processor each.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db import Error
from django.db.models import F, Q, QuerySet
from django.urls import reverse

from analytics.funnels.parsing import parse_funnel
from analytics.in_time import in_time
from analytics.matchers import MatcherError
from analytics.models.funnels import SavedFunnel
from analytics.points import Point, kept, newest_value, sent
from analytics.rule_forms import when_falling
from projects.api.errors import BadRequest
from projects.pages.scope import Scope

if TYPE_CHECKING:
    # numpy: see `record`.
    from analytics.funnels.answers import Answer

logger = logging.getLogger(__name__)

CONVERSION, COMPLETION = "funnel_conversion_ratio", "funnel_step_completion"
EVERY = timedelta(minutes=5)
PAUSES = 20
"""So many times as long as measuring took nothing is measured again."""

MOST_SECONDS = 10.0
"""For one funnel."""


def is_anything_due(now: datetime) -> bool:
    """Whether a funnel waits to be measured."""
    return _due(now).exists()


def record(now: datetime, seconds: float) -> None:
    """Write the points of the funnels that are due, the longest waiting first; begin none after so many seconds."""
    began = time.monotonic()
    while time.monotonic() - began < seconds and (funnel := _next_due(now)):
        if _is_claimed(funnel, now):
            _record(funnel, now)


def points_of(slug: str, found: Answer) -> Iterator[Point]:
    """The points of one answer; none where nobody began."""
    for number, step in enumerate(found["steps"], start=1):
        if (ratio := step["conversion_ratio"]) is not None:
            yield _ratio(COMPLETION, ratio, {"funnel": slug, "step": str(number)})
    if (ratio := found["steps"][-1]["conversion_ratio"]) is not None:
        yield _ratio(CONVERSION, ratio, {"funnel": slug})


def rule_url(funnel: SavedFunnel, scope: Scope, shown_ratio: float | None) -> str:
    """The form of a new rule that fires when the recorded conversion falls by a fifth.

    That of the range shown is another number, unless the range is as long as the days that are recorded.
    """
    is_recorded_range = scope.range.length == timedelta(days=funnel.recorded_days)
    conversion_ratio = (
        shown_ratio
        if is_recorded_range
        else newest_value(funnel.project_id, CONVERSION, {"funnel": funnel.slug}, scope.now)
    )
    return when_falling(
        funnel.project_id,
        f"Conversion of {funnel.name}",
        CONVERSION,
        f"funnel={funnel.slug}",
        conversion_ratio,
    )


def metrics_url(scope: Scope, funnel: SavedFunnel) -> str:
    """The chart of its points."""
    return scope.url(reverse("explore_metrics"), metric_name=CONVERSION, **{"tags.funnel": funnel.slug})


def _due(now: datetime) -> QuerySet[SavedFunnel]:
    return SavedFunnel.objects.filter(Q(record_at=None) | Q(record_at__lte=now), is_recorded=True)


def _next_due(now: datetime) -> SavedFunnel | None:
    return _due(now).order_by(F("record_at").asc(nulls_first=True), "pk").first()


def _is_claimed(funnel: SavedFunnel, now: datetime) -> bool:
    """Whether no other process has taken it meanwhile."""
    found = SavedFunnel.objects.filter(pk=funnel.pk, record_at=funnel.record_at)
    return bool(found.update(record_at=now + EVERY))


def _record(funnel: SavedFunnel, now: datetime) -> None:
    # numpy takes 20 MB, which no worker should hold where nobody records a funnel.
    from analytics.funnels.answers import answer

    began = time.monotonic()
    start = now - timedelta(days=funnel.recorded_days)
    problem = ""
    try:
        question = {**funnel.question, "start": start.isoformat(), "end": now.isoformat()}
        asked = parse_funnel({**question, "breakdown": None, "trend": None, "compare": False})
        with in_time(MOST_SECONDS):
            found = answer(funnel.project_id, asked)
        sent(funnel.project_id, kept(points_of(funnel.slug, found), now))
    except (MatcherError, BadRequest) as error:
        problem = str(error)
        logger.warning("funnel %s of project %s: %s", funnel.slug, funnel.project_id, problem)
    except Error:
        # The other funnels are measured all the same.
        problem = "The database could not answer it; the worker's log says why."
        logger.exception("funnel %s of project %s failed", funnel.slug, funnel.project_id)
    took = timedelta(seconds=time.monotonic() - began)
    SavedFunnel.objects.filter(pk=funnel.pk).update(
        problem=problem, record_at=now + max(EVERY, took * PAUSES)
    )


def _ratio(name: str, value: float, tags: dict[str, str]) -> Point:
    return {"name": name, "type": "gauge", "unit": "1", "value": value, "tags": tags}
