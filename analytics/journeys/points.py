"""Metric points of journeys, labelled `journey`, so that ordinary rules can watch them. For the journey `ttf`:

* `ttf_complete_minutes`, `ttf_efficiency_score`: distributions over those who completed since the last point.
* `ttf_completion_total`: a counter of completions.
* `ttf_open_minutes`: a distribution over everybody on the way now, of the minutes since they began, but for those
  who began longer ago than the journey follows anybody. Its `max` is how long the slowest one has been.

`analytics.points` says why none is lost and none stored twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q

from analytics.journeys import completions
from analytics.journeys.completions import Kept
from analytics.journeys.definitions import Definition, JourneyError, definition_of
from analytics.journeys.measures import waits_for
from analytics.journeys.turns import turn
from analytics.models.journeys import JourneyChange, JourneyProgress, JourneyState
from analytics.points import Point, kept, sent
from metrics.distribution import Distribution

EVERY = timedelta(seconds=50)
"""Hardly less than a minute, the shortest usual interval of rules."""

MAX_OPEN = 20_000
"""People on the way that are looked at for one point, those who began first."""


def write(now: datetime) -> None:
    """Write the points of every journey that is due, in all projects, and those that could not be sent before."""
    # Also of a journey that was edited since, and that nobody is on now.
    unsent = JourneyState.objects.filter(unsent_points__isnull=False)
    for project_id, journey_id in unsent.values_list("journey__project", "journey"):
        _send(project_id, journey_id)
    for definition in _due(now):
        _measure(definition, now)
        _send(definition.project_id, definition.journey_id)


def _due(now: datetime) -> Iterator[Definition]:
    """Journeys that are measured now: those with points on their way come later."""
    # Most projects have nobody on the journey, and no use for its series. Where an edit left nobody on it, somebody
    # may have completed it before.
    progress = JourneyProgress.objects.filter(journey=OuterRef("pk"), definition=OuterRef("definition"))
    due = JourneyState.objects.exclude(measured_at__gt=now - EVERY).filter(
        Exists(progress) | ~Q(fresh_completions={}), unsent_points__isnull=True
    )
    # A journey that is looked at from the beginning would count years of completions as those of a minute.
    due = due.exclude(journey__in=JourneyChange.objects.exclude(journey=None).values("journey"))
    for state in due.select_related("journey").prefetch_related("journey__milestones"):
        try:
            definition = definition_of(state.journey, state.journey.milestones.all())
        except JourneyError:
            # The upkeep has said so.
            continue
        if definition.number == state.definition:
            yield definition


def _measure(definition: Definition, now: datetime) -> None:
    """Remember the points of this moment, and forget what they tell of."""
    with turn() as is_free:
        if not is_free:
            return
        state = JourneyState.objects.select_for_update().filter(journey=definition.journey_id).first()
        # Meanwhile another process may have been here, or somebody have edited or deleted the journey.
        if state is None or state.definition != definition.number or not _is_due(state, now):
            return
        persons = _on_the_way(definition, now)
        completions.count_all(definition, persons, now)
        waiting = [_minutes_open(one, now) for one in persons if waits_for(one.reached) is not None]
        state.refresh_from_db()
        state.unsent_points = kept(_points(definition, state, waiting), now)
        state.fresh_completions = {}
        state.measured_at = now
        state.save(update_fields=["unsent_points", "fresh_completions", "measured_at"])


def _is_due(state: JourneyState, now: datetime) -> bool:
    return state.measured_at is None or state.measured_at <= now - EVERY


def _points(definition: Definition, state: JourneyState, waiting: Sequence[float]) -> Iterator[Point]:
    prefix, tags = definition.metric_prefix, {"journey": definition.slug}

    def distribution(name: str, unit: str, values: dict[str, Any]) -> Point:
        return {
            "name": f"{prefix}_{name}",
            "type": "histogram",
            "unit": unit,
            "distribution": values,
            "tags": tags,
        }

    yield distribution("open_minutes", "min", asdict(Distribution.of(waiting)))
    total = state.completion_total
    yield {"name": f"{prefix}_completion_total", "type": "counter", "unit": "", "value": total, "tags": tags}
    if fresh := state.fresh_completions:
        yield distribution("complete_minutes", "min", fresh["minutes"])
        yield distribution("efficiency_score", "", fresh["scores"])


def _on_the_way(definition: Definition, now: datetime) -> list[Kept]:
    """Persons who began lately and whom no single id shows at the end."""
    last = len(definition.stages) - 1
    begun = _rows(definition).filter(
        **{"reached_at__0__gt": now - definition.follow, f"reached_at__{last}": None}
    )
    oldest = begun.order_by("reached_at__0").values_list("identifier", flat=True)[:MAX_OPEN]
    found = completions.kept(definition, list(oldest))
    return [one for one in found if one.reached[0] and one.reached[0] > now - definition.follow]


def _rows(definition: Definition) -> Any:
    return JourneyProgress.objects.filter(journey=definition.journey_id, definition=definition.number)


def _minutes_open(person: Kept, now: datetime) -> float:
    assert person.reached[0]
    return max((now - person.reached[0]).total_seconds() / 60, 0.0)


def _send(project_id: int, journey_id: int) -> None:
    """Send what is remembered of a journey; what can't be stored now is sent next time."""
    state = JourneyState.objects.filter(journey=journey_id)
    unsent = state.values_list("unsent_points", flat=True).first()
    if unsent and sent(project_id, unsent):
        # Another process may have sent it too, and remembered other points since.
        state.filter(unsent_points=unsent).update(unsent_points=None)
