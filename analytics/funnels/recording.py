"""Metric points of saved funnels, so that ordinary rules can watch them. Of the days up to each point, label `funnel`:

* `funnel_conversion_ratio`: of those who began, the share that reached the last step.
* `funnel_step_completion`, also labelled `step` (from 1): the share that reached this step.

Nothing is written where nobody began. `analytics.due` says how often.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.urls import reverse

from analytics.due import CannotMeasure, Due, write_each
from analytics.funnels.parsing import parse_funnel
from analytics.matchers import MatcherError
from analytics.models.funnels import SavedFunnel
from analytics.points import Point, newest_value
from analytics.rule_forms import when_worse
from projects.pages.scope import Scope

if TYPE_CHECKING:
    # numpy: see `_points`.
    from analytics.funnels.answers import Answer

CONVERSION, COMPLETION = "funnel_conversion_ratio", "funnel_step_completion"

DUE = Due(lambda _: SavedFunnel.objects.filter(is_recorded=True), "record_at")


def record(now: datetime, seconds: float) -> None:
    """Write the points of the funnels that are due, the longest waiting first; begin none after so many seconds."""
    write_each(DUE, _points, now, seconds)


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
    return when_worse(
        funnel.project_id,
        f"Conversion of {funnel.name}",
        CONVERSION,
        {"funnel": funnel.slug},
        conversion_ratio,
    )


def metrics_url(scope: Scope, funnel: SavedFunnel) -> str:
    """The chart of its points."""
    return scope.url(reverse("explore_metrics"), metric_name=CONVERSION, **{"tags.funnel": funnel.slug})


def _points(funnel: SavedFunnel, now: datetime) -> Iterator[Point]:
    """Raises CannotMeasure."""
    # numpy takes 20 MB, which no worker should hold where nobody records a funnel.
    from analytics.funnels.answers import answer

    start = now - timedelta(days=funnel.recorded_days)
    question = {**funnel.question, "start": start.isoformat(), "end": now.isoformat()}
    try:
        asked = parse_funnel({**question, "breakdown": None, "trend": None, "compare": False})
    except MatcherError as error:
        raise CannotMeasure(str(error)) from None
    return points_of(funnel.slug, answer(funnel.project_id, asked))


def _ratio(name: str, value: float, tags: dict[str, str]) -> Point:
    return {"name": name, "type": "gauge", "unit": "1", "value": value, "tags": tags}
