"""A funnel's question answered from what is stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple, NotRequired, TypedDict

import numpy as np

from analytics.funnels.figures import Figures, Group, PeriodFigures, figures, groups, trend
from analytics.funnels.occurrences import NOWHERE, Occurrences, Positions, moment_of
from analytics.funnels.question import Funnel, People
from analytics.funnels.ways import by_parts, ways_of
from projects.turns import in_turn


class Answer(Figures):
    """With what was asked for beside the figures: by value, by the period of the start, of the range before.

    `breakdown_truncated` says that there are more values than are given.
    """

    breakdown: NotRequired[list[Group]]
    breakdown_truncated: NotRequired[bool]
    trend: NotRequired[list[PeriodFigures]]
    previous: NotRequired[Figures]


class Person(TypedDict):
    """One unit: when its chain began, when it reached its last step, and how many steps it has reached."""

    unit: str
    started_at: datetime
    reached_at: datetime
    steps: int


class PeopleAnswer(TypedDict):
    """`count` is of all of them, `results` are those that began last, but for whoever was purged meanwhile."""

    count: int
    results: list[Person]


@in_turn()
def answer(project_id: int, funnel: Funnel) -> Answer:
    """The figures of a project's funnel. Raises django.db.Error, TooCostly."""
    found = _answer(project_id, funnel)
    if funnel.compare and (before := funnel.before()):
        found["previous"] = _answer(project_id, before)
    return found


def _answer(project_id: int, funnel: Funnel) -> Answer:
    ways = ways_of(project_id, funnel)
    whole = figures(ways, funnel)
    found = Answer(
        steps=whole["steps"],
        total_median_seconds=whole["total_median_seconds"],
        total_mean_seconds=whole["total_mean_seconds"],
    )
    if funnel.breakdown:
        found["breakdown"], found["breakdown_truncated"] = groups(ways, funnel)
    if funnel.trend:
        found["trend"] = trend(ways, funnel, funnel.trend)
    return found


@in_turn()
def people(project_id: int, asked: People) -> PeopleAnswer:
    """The units behind a number of a funnel. Raises django.db.Error, TooCostly."""
    count = 0
    found: list[_Found] = []
    for part in by_parts(project_id, asked.funnel, partial(_newest, asked)):
        count += part.meant_count
        found = sorted([*found, *part.newest], key=lambda one: -one.started_us)[: asked.limit]
        names_of = part.names_of
    names = names_of([one.id for one in found]) if found else {}
    return PeopleAnswer(
        count=count,
        results=[
            Person(
                unit=names[one.id],
                started_at=moment_of(one.started_us),
                reached_at=moment_of(one.reached_us),
                steps=one.steps,
            )
            for one in found
            if one.id in names
        ],
    )


class _Found(NamedTuple):
    """A unit; times since EPOCH."""

    id: Any
    started_us: int
    reached_us: int
    steps: int


class _Part(NamedTuple):
    """Of some units: how many are meant, and those of them that began last."""

    meant_count: int
    newest: list[_Found]
    names_of: Callable[[Sequence[Any]], Mapping[Any, str]]


def _newest(asked: People, events: Occurrences, chains: Positions) -> _Part:
    steps = (chains != NOWHERE).sum(axis=1)
    wanted = np.flatnonzero(steps == asked.step - 1 if asked.are_lost else steps >= asked.step)
    newest_first = np.argsort(-events.time_of(chains[wanted, 0]), kind="stable")[: asked.limit]
    newest = [
        _Found(
            id=events.ids[unit],
            started_us=int(events.time_us[chains[unit, 0]]),
            reached_us=int(events.time_us[chains[unit, steps[unit] - 1]]),
            steps=int(steps[unit]),
        )
        for unit in wanted[newest_first].tolist()
    ]
    return _Part(len(wanted), newest, events.names_of)
