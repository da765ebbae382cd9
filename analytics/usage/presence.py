"""Who was there when: people as numbers, so that millions of them are counted by numpy. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from analytics.usage.periods import Periods

People = NDArray[np.int64]
"""Numbers of people, in order, each of them once."""

NOBODY: People = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Presence:
    """Who did something in each period. Presences that were read together have the same number for the same person."""

    periods: Periods
    by_period: Sequence[People]
    before: People
    """Who did it before the first period; nobody where that wasn't asked for."""
    number_limit: int
    """Every number is below it."""

    def at(self, periods: Periods) -> Presence:
        """The same in longer periods, which begin and end with some of these."""
        parts: list[list[People]] = [[] for _ in periods.starts]
        for start, people in zip(self.periods.starts, self.by_period, strict=True):
            parts[periods.number_of(start)].append(people)
        return replace(self, periods=periods, by_period=[union(several) for several in parts])

    def ever(self) -> People:
        """Who did it in any of the periods."""
        return union(self.by_period)


def union(groups: Iterable[People]) -> People:
    """Each of these once, in order. By a mark for each number: sorting millions would take ten times as long."""
    several = [people for people in groups if len(people)]
    if not several:
        return NOBODY
    is_there = np.zeros(1 + max(int(people.max()) for people in several), np.bool_)
    for people in several:
        is_there[people] = True
    return np.flatnonzero(is_there)


def without(people: People, others: People) -> People:
    """Those of `people` who are none of the others; both in order."""
    return np.setdiff1d(people, others, assume_unique=True)
