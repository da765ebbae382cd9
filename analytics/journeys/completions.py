"""Counts each person's completion once, and remembers what metric points have to tell of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from analytics.families import families, linked
from analytics.journeys.definitions import Definition
from analytics.journeys.measures import Reached, complete_minutes, earliest, efficiency_score
from analytics.models.journeys import JourneyProgress, JourneyState
from metrics.distribution import Distribution

AT_ONCE = 5000
"""Ids that are in memory at a time."""

FRESH = timedelta(days=1)
"""Completions of longer ago, which a new journey or late data brings up, are counted without a point of their own."""


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
    """Count those that have completed the journey and aren't counted yet."""
    new = [one for one in persons if not one.is_counted and complete_minutes(one.reached) is not None]
    if not new:
        return
    rows = JourneyProgress.objects.filter(journey=definition.journey_id, definition=definition.number)
    rows.filter(identifier__in=[identifier for one in new for identifier in one.identifiers]).update(
        counted_at=now
    )
    state = JourneyState.objects.select_for_update().get(journey=definition.journey_id)
    state.completion_total += len(new)
    fresh = [one.reached for one in new if one.reached[-1] and one.reached[-1] > now - FRESH]
    _add(state.fresh_completions, "minutes", [complete_minutes(reached) for reached in fresh])
    _add(
        state.fresh_completions, "scores", [efficiency_score(definition.stages, reached) for reached in fresh]
    )
    state.save(update_fields=["completion_total", "fresh_completions"])


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
    by_person: dict[str, list[tuple[str, Reached, datetime | None]]] = defaultdict(list)
    for row in rows.values_list("identifier", "reached_at", "counted_at"):
        by_person[person_of[row[0]]].append(row)
    return [
        Kept(
            [identifier for identifier, _, _ in of_one],
            earliest([reached for _, reached, _ in of_one]),
            any(counted_at for _, _, counted_at in of_one),
        )
        for of_one in by_person.values()
    ]


def _in_pieces(identifiers: Iterable[str]) -> Iterator[list[str]]:
    left = iter(identifiers)
    while some := list(islice(left, AT_ONCE)):
        yield some
