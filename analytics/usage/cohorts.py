"""The retention table: of the people of each cohort, how many came back how many periods later. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from analytics.usage.presence import People, Presence

UNSEEN, EARLIER, FIRST = 0, 1, 2
"""What is kept of each person: FIRST stands for the first cohort, FIRST + 1 for the second, and so on."""

DEFINITION = (
    "A cohort are the people whose very first such event, in all that is kept, lies in the period. They count in a "
    "later period if they came back in exactly that period (n-period retention, as Amplitude and PostHog have it): who "
    "stays away in week 2 and is there in week 3 counts in week 3 alone. Period 0 is the cohort's own: the returning "
    "event lies in the same period, before or after the first one."
)


class Cohort(TypedDict):
    """`returned[n]` of its `people` came back n periods later, up to the last period asked for.

    `ratios` are of `people`; None in a cohort of nobody.
    """

    start: datetime
    people: int
    returned: list[int]
    ratios: list[float | None]


def cohorts(began: Presence, returned: Presence) -> list[Cohort]:
    """A row for each period in which people may have begun; both presences were read together, of the same periods."""
    cohort_of = np.full(began.number_limit, UNSEEN)
    cohort_of[began.before] = EARLIER
    for number, people in enumerate(began.by_period):
        cohort_of[people[cohort_of[people] == UNSEEN]] = FIRST + number
    count = len(began.by_period)
    sizes = _sizes(cohort_of, count)
    # A row a cohort, a column a period of the calendar.
    table = np.array([_sizes(cohort_of[people], count) for people in returned.by_period]).T
    return [
        _cohort(start, int(sizes[number]), table[number, number:].tolist())
        for number, start in enumerate(began.periods.starts)
    ]


def _sizes(cohort_of: NDArray[np.int64], count: int) -> NDArray[np.intp]:
    """How many there are of each cohort; before FIRST are those who are in none."""
    return np.bincount(cohort_of, minlength=FIRST + count)[FIRST:]


def _cohort(start: datetime, people: int, returned: list[int]) -> Cohort:
    ratios = [count / people if people else None for count in returned]
    return Cohort(start=start, people=people, returned=returned, ratios=ratios)


def of_cell(began: Presence, returned: Presence) -> People:
    """Of those who began in the first period, those who came back in the last one."""
    is_there = np.zeros(began.number_limit, np.bool_)
    is_there[returned.by_period[-1]] = True
    is_there[began.before] = False
    people = began.by_period[0]
    return people[is_there[people]]


class Average(TypedDict):
    """Of all cohorts for which the n-th period is over, weighed by their people; None where it is for nobody."""

    period: int
    ratio: float | None


def averages(table: Sequence[Cohort], over_count: int) -> list[Average]:
    """How many of all come back n periods later: sum of who returned / sum of people, over the cohorts that old.

    `over_count` of the periods are over; one that still runs would look like a loss.
    """
    found = []
    for period in range(len(table)):
        old_enough = table[: max(over_count - period, 0)]
        people = sum(one["people"] for one in old_enough)
        returned = sum(one["returned"][period] for one in old_enough)
        found.append(Average(period=period, ratio=returned / people if people else None))
    return found
