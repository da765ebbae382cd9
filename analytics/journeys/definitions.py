"""Journeys as people defined them, read for work."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from django.db import transaction

from analytics.journeys import changes
from analytics.journeys.measures import Stage
from analytics.matchers import Matcher, MatcherError, as_json, parse
from analytics.models.journeys import Journey, JourneyState, Milestone
from storage.records import digest_128

MAX_MILESTONES = 20


class JourneyError(ValueError):
    """A journey that can't be followed; the text says why."""


@dataclass(frozen=True)
class Definition:
    """A journey with its milestones in order; `stages` and `matchers` are of the same milestones."""

    project_id: int
    journey_id: int
    slug: str
    name: str
    description: str
    follow: timedelta
    stages: tuple[Stage, ...]
    matchers: tuple[Matcher, ...]

    @cached_property
    def number(self) -> int:
        """The matchers as a hash: progress is kept under it, so that none of other matchers is ever read as theirs."""
        told = json.dumps([as_json(matcher) for matcher in self.matchers], sort_keys=True)
        return digest_128("journey", told).int >> 65

    @property
    def target_minutes(self) -> float:
        """In all."""
        return sum(stage.target_minutes or 0 for stage in self.stages[1:])

    @property
    def metric_prefix(self) -> str:
        return self.slug.replace("-", "_")


def definition_of(journey: Journey, milestones: Iterable[Milestone]) -> Definition:
    """Raises JourneyError."""
    ordered = sorted(milestones, key=lambda one: (one.position, one.pk or 0))
    if not 2 <= len(ordered) <= MAX_MILESTONES:
        raise JourneyError(f"A journey has 2 to {MAX_MILESTONES} milestones, not {len(ordered)}.")
    if not sum(one.weight for one in ordered[1:]):
        raise JourneyError("At least one milestone after the first needs a weight above 0.")
    try:
        matchers = tuple(parse(one.matcher, one.key) for one in ordered)
    except MatcherError as error:
        raise JourneyError(str(error)) from None
    return Definition(
        project_id=journey.project_id,
        journey_id=journey.pk,
        slug=journey.slug,
        name=journey.name,
        description=journey.description,
        follow=timedelta(minutes=journey.follow_minutes),
        stages=tuple(Stage(one.key, one.name, one.target_minutes, one.weight) for one in ordered),
        matchers=matchers,
    )


def current(journey: Journey) -> Definition:
    """The journey as it is now; where its matchers are new, everything stored is noted to be looked at.

    Asked by everybody who reads or writes progress, so that it doesn't matter where the journey was edited.
    Raises JourneyError.
    """
    found = definition_of(journey, journey.milestones.all())
    state: JourneyState | None = getattr(journey, "state", None)
    return found if state and state.definition == found.number else _begun_anew(journey)


def _begun_anew(journey: Journey) -> Definition:
    with transaction.atomic():
        # Under the lock, and with the milestones of now: of two that see an edit one begins, and none goes back.
        locked = Journey.objects.select_for_update().get(pk=journey.pk)
        found = definition_of(locked, locked.milestones.all())
        state = JourneyState.objects.filter(journey=locked).first()
        if state is None or state.definition != found.number:
            # What was counted by the old matchers stays so, told or not: nobody is counted again.
            JourneyState.objects.update_or_create(journey=locked, defaults={"definition": found.number})
            changes.note_everything(locked.project_id, locked.pk)
        return found
