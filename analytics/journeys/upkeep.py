"""Looks at what changed, keeps everybody's progress, and counts completions.

One project's day at a time, in one transaction together with the log entries it took: killed or repeated, nothing is
lost and nothing counted twice. One process at a time works; another one finds the lock taken and leaves.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from django.db import Error, connection
from django.db.models import QuerySet

from analytics.journeys import changes, completions, points
from analytics.journeys.changes import Span, Waiting, merged
from analytics.journeys.completions import Moved
from analytics.journeys.definitions import Definition, JourneyError, current
from analytics.journeys.firsts import first_times
from analytics.journeys.ready import ensure_ready
from analytics.journeys.turns import turn
from analytics.models.journeys import Journey

logger = logging.getLogger(__name__)


def follow(now: datetime, seconds: float = math.inf) -> bool:
    """Look at all that changed, then write metric points; no step begins after so many seconds.

    True when nothing is left. What fails for one project is logged and doesn't stop the others.
    """
    ends_at = time.monotonic() + seconds
    ensure_ready()
    # Nobody else may ask for a journey that was edited.
    _definitions(Journey.objects.all())
    is_done = catch_up(now, ends_at)
    points.write(now)
    return is_done


def catch_up(now: datetime, ends_at: float = math.inf, progress: Callable[[int], None] | None = None) -> bool:
    """Look at what the log names until it is empty; `progress` is told how many days of projects are left."""
    is_done = True
    # Again: who is the first to see that a journey is new notes everything that is stored.
    while is_done and (places := changes.waiting()):
        for done, place in enumerate(places):
            if time.monotonic() > ends_at:
                return False
            if progress:
                progress(len(places) - done)
            is_done &= _tried(place, now)
    return is_done


def _tried(place: Waiting, now: datetime) -> bool:
    try:
        return _look_at(place, now)
    except Error:
        logger.exception("journeys of project %s, %s failed", place.project_id, place.day.date())
        return False


def _look_at(place: Waiting, now: datetime) -> bool:
    """False where another process is at work."""
    with turn() as is_free:
        if not is_free:
            return False
        taken = changes.take(place)
        # After the entries: a journey that is changed later has had everything noted that they speak of.
        for definition in _definitions(Journey.objects.filter(project=place.project_id)):
            spans = merged([*taken.get(None, ()), *taken.get(definition.journey_id, ())])
            if spans and (moved := _keep(definition, spans)):
                completions.count(definition, moved, now)
    return True


def _definitions(journeys: QuerySet[Journey]) -> list[Definition]:
    """Those that can be followed."""
    found = []
    for journey in journeys.select_related("state").prefetch_related("milestones"):
        try:
            found.append(current(journey))
        except JourneyError as error:
            logger.warning(
                "journey %s of project %s can't be followed: %s", journey.slug, journey.project_id, error
            )
    return found


def _keep(definition: Definition, spans: Sequence[Span]) -> list[Moved]:
    """Keep the earlier of the kept time and the one found; returns the ids of whom something changed."""
    positions = range(1, len(definition.stages) + 1)
    earlier = [f"least(kept.reached_at[{n}], excluded.reached_at[{n}])" for n in positions]
    differs = " OR ".join(
        f"kept.reached_at[{n}] IS DISTINCT FROM {time}" for n, time in zip(positions, earlier, strict=True)
    )
    found = first_times(definition, spans)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""INSERT INTO journey_progress AS kept (project_id, journey_id, definition, identifier, reached_at)
                SELECT %s, %s, %s, identifier, reached_at FROM ({found.text}) AS found
                ON CONFLICT (journey_id, definition, identifier)
                DO UPDATE SET reached_at = ARRAY[{", ".join(earlier)}] WHERE {differs}
                RETURNING identifier, reached_at[1] IS NOT NULL AND reached_at[{len(positions)}] IS NOT NULL""",
            (definition.project_id, definition.journey_id, definition.number, *found.parameters),
        )
        return [Moved(*row) for row in cursor.fetchall()]
