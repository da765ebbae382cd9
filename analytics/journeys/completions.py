"""Counts each person's completion once, and remembers what metric points have to tell of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from django.db import connection

from analytics.families import families, linked
from analytics.journeys.definitions import Definition
from analytics.journeys.measures import Reached, complete_minutes, earliest, efficiency_score
from analytics.models.journeys import JourneyCompletion, JourneyProgress, JourneyState
from metrics.distribution import Distribution

AT_ONCE = 5000
"""Ids that are in memory at a time."""

FRESH = timedelta(days=1)
"""Older completions, which a new journey, an edit or late data brings up, are counted without a point of their own."""


@dataclass(slots=True)
class Kept:
    """What is kept of one person."""

    identifiers: list[str]
    reached: Reached
    is_counted: bool


@dataclass(frozen=True, slots=True)
class Moved:
    """An id of which a time changed; `is_complete`: it has begun and completed the journey all by itself."""

    identifier: str
    is_complete: bool


def count(definition: Definition, moved: Sequence[Moved], now: datetime) -> None:
    """Count the completions of the persons with these ids, inside the caller's transaction."""
    # Most are on the way and known by one id: they need no look at all.
    complete = [one.identifier for one in moved if one.is_complete]
    others = [one.identifier for one in moved if not one.is_complete]
    for some in _in_pieces([*complete, *linked(definition.project_id, others)]):
        count_all(definition, kept(definition, some), now)


def count_all(definition: Definition, persons: Iterable[Kept], now: datetime) -> None:
    """Count those that have completed the journey and aren't counted yet, by these matchers or former ones."""
    new = [one for one in persons if not one.is_counted and complete_minutes(one.reached) is not None]
    if not new:
        return
    _remember(definition, [identifier for one in new for identifier in one.identifiers])
    state = JourneyState.objects.select_for_update().get(journey=definition.journey_id)
    state.completion_total += len(new)
    fresh = [one.reached for one in new if one.reached[-1] and one.reached[-1] > now - FRESH]
    _add(state.fresh_completions, "minutes", [complete_minutes(reached) for reached in fresh])
    _add(
        state.fresh_completions, "scores", [efficiency_score(definition.stages, reached) for reached in fresh]
    )
    state.save(update_fields=["completion_total", "fresh_completions"])


def _remember(definition: Definition, identifiers: Sequence[str]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO journey_completions (project_id, journey_id, identifier) "
            "SELECT %s, %s, identifier FROM unnest(%s::text[]) AS counted (identifier) ON CONFLICT DO NOTHING",
            [definition.project_id, definition.journey_id, list(identifiers)],
        )


def _add(distributions: dict[str, Any], name: str, values: Iterable[float | None]) -> None:
    """Merged as they come: of a million completions it is still a few hundred numbers."""
    added = Distribution.of(value for value in values if value is not None)
    if added.count:
        added.merge(Distribution(**distributions.get(name, {})))
        distributions[name] = asdict(added)


def kept(definition: Definition, identifiers: Sequence[str]) -> list[Kept]:
    """What is kept of the persons with these ids."""
    person_of = families(definition.project_id, identifiers)
    rows = JourneyProgress.objects.filter(
        journey=definition.journey_id, definition=definition.number, identifier__in=list(person_of)
    )
    by_person: dict[str, dict[str, Reached]] = defaultdict(dict)
    for identifier, reached in rows.values_list("identifier", "reached_at"):
        by_person[person_of[identifier]][identifier] = reached
    counted = JourneyCompletion.objects.filter(
        journey=definition.journey_id, identifier__in=list(person_of)
    ).values_list("identifier", flat=True)
    counted_persons = {person_of[identifier] for identifier in counted}
    return [
        Kept(list(times), earliest(list(times.values())), person in counted_persons)
        for person, times in by_person.items()
    ]


def _in_pieces(identifiers: Iterable[str]) -> Iterator[list[str]]:
    left = iter(identifiers)
    while some := list(islice(left, AT_ONCE)):
        yield some
