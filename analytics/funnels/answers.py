"""A funnel's question answered from what is stored."""

from __future__ import annotations

from datetime import datetime
from typing import NotRequired, TypedDict

import numpy as np

from analytics.funnels.chains import chains_of
from analytics.funnels.figures import Figures, Group, PeriodFigures, figures, groups, trend
from analytics.funnels.occurrences import NOWHERE, moment_of
from analytics.funnels.question import Funnel, People
from analytics.funnels.roads import read


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
    """`count` is of all of them, `results` are those that began last."""

    count: int
    results: list[Person]


def answer(project_id: int, funnel: Funnel) -> Answer:
    """The figures of a project's funnel. Raises django.db.Error."""
    events = read(project_id, funnel)
    chains = chains_of(events, funnel)
    whole = figures(events, chains, funnel)
    found = Answer(
        steps=whole["steps"],
        total_median_seconds=whole["total_median_seconds"],
        total_mean_seconds=whole["total_mean_seconds"],
    )
    if funnel.breakdown:
        found["breakdown"], found["breakdown_truncated"] = groups(events, chains, funnel, funnel.breakdown)
    if funnel.trend:
        found["trend"] = trend(events, chains, funnel, funnel.trend)
    if funnel.compare and (before := funnel.before()):
        found["previous"] = answer(project_id, before)
    return found


def people(project_id: int, asked: People) -> PeopleAnswer:
    """The units behind a number of a funnel. Raises django.db.Error."""
    events = read(project_id, asked.funnel)
    chains = chains_of(events, asked.funnel)
    steps = (chains != NOWHERE).sum(axis=1)
    wanted = np.flatnonzero(steps == asked.step - 1 if asked.are_lost else steps >= asked.step)
    newest_first = np.argsort(-events.time_of(chains[wanted, 0]), kind="stable")[: asked.limit]
    shown = wanted[newest_first].tolist()
    return PeopleAnswer(
        count=len(wanted),
        results=[
            Person(
                unit=name,
                started_at=moment_of(int(events.time_us[chains[unit, 0]])),
                reached_at=moment_of(int(events.time_us[chains[unit, steps[unit] - 1]])),
                steps=int(steps[unit]),
            )
            for unit, name in zip(shown, events.names_of(shown), strict=True)
        ],
    )
