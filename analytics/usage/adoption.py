"""How far a feature is taken up: by whom, how soon, and who drops it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TypedDict

import numpy as np
from numpy.typing import NDArray

from analytics.usage.periods import Periods
from analytics.usage.presence import Presence, union, without

DEFINITION = (
    "Adoption: people who used the feature / people with any event, in the same time. Time to adopt: from the UTC day "
    "on which somebody was first seen, ever, to the day of their first use, over people first seen in the range. "
    "Drop-off: of the people who used it in the range before its last whole period, those who did not use it in that "
    "period."
)

Days = NDArray[np.int32]

_DAY_EDGES = (1, 2, 3, 7, 14, 30)
"""Where bars of the distribution of days to adopt begin, after the one of day 0."""


class AdoptionPeriod(TypedDict):
    """`adoption_ratio` is None where nobody was active."""

    start: datetime
    people: int
    active: int
    adoption_ratio: float | None


class DayBin(TypedDict):
    """People who took `from_days <= days < to_days` to their first use; `to_days` is None in the last one."""

    from_days: int
    to_days: int | None
    people: int


class TimeToAdopt(TypedDict):
    """Of the `new_people` first seen in the range `adopted` have used the feature since."""

    new_people: int
    adopted: int
    median_days: float | None
    distribution: list[DayBin]


class DropOff(TypedDict):
    """Of `people` who used it before the period, `dropped` didn't in it; `still_active` of those did something else."""

    start: datetime
    people: int
    dropped: int
    still_active: int
    drop_off_ratio: float | None


class Shares(TypedDict):
    """Of the whole range, and of each of its periods."""

    people: int
    active: int
    adoption_ratio: float | None
    periods: list[AdoptionPeriod]


class Adoption(Shares):
    """`drop_off` is None where the range has no whole period with one before it."""

    time_to_adopt: TimeToAdopt
    drop_off: DropOff | None


def adoption(used: Presence, anything: Presence, periods: Periods, now: datetime) -> Adoption:
    """A feature's adoption in periods made of the days of two presences that were read together.

    `used` tells who used it, `anything` who did anything, also before the first day.
    """
    return Adoption(
        **shares(used.at(periods), anything.at(periods)),
        time_to_adopt=time_to_adopt(used, anything),
        drop_off=drop_off(used.at(periods), anything.at(periods), now),
    )


def shares(used: Presence, anything: Presence) -> Shares:
    """Who used the feature, of those who did anything; read together and of the same periods."""
    people, active = len(used.ever()), len(anything.ever())
    periods = [
        AdoptionPeriod(
            start=start, people=len(users), active=len(others), adoption_ratio=_ratio(len(users), len(others))
        )
        for start, users, others in zip(used.periods.starts, used.by_period, anything.by_period, strict=True)
    ]
    return Shares(people=people, active=active, adoption_ratio=_ratio(people, active), periods=periods)


def time_to_adopt(used: Presence, anything: Presence) -> TimeToAdopt:
    """Over the people first seen in the range, by day."""
    first_seen, first_use = _first_days(anything), _first_days(used)
    is_new = first_seen >= 0
    is_new[anything.before] = False
    days = (first_use - first_seen)[is_new & (first_use >= 0)]
    return TimeToAdopt(
        new_people=int(np.count_nonzero(is_new)),
        adopted=len(days),
        median_days=float(np.median(days)) if len(days) else None,
        distribution=_bins(days),
    )


def drop_off(used: Presence, anything: Presence, now: datetime) -> DropOff | None:
    """In the last period that is over."""
    last = used.periods.over_count(now) - 1
    if last < 1:
        return None
    before = union(used.by_period[:last])
    dropped = without(before, used.by_period[last])
    gone = without(dropped, anything.by_period[last])
    return DropOff(
        start=used.periods.starts[last],
        people=len(before),
        dropped=len(dropped),
        still_active=len(dropped) - len(gone),
        drop_off_ratio=_ratio(len(dropped), len(before)),
    )


def _first_days(presence: Presence) -> Days:
    """The day each person was first there, counted from the first one; -1 for who never was."""
    found = np.full(presence.number_limit, -1, np.int32)
    for day in reversed(range(len(presence.by_period))):
        found[presence.by_period[day]] = day
    return found


def _bins(days: Days) -> list[DayBin]:
    edges = (0, *_DAY_EDGES)
    places = np.searchsorted(edges, days, side="right") - 1
    counts = np.bincount(places, minlength=len(edges)).tolist()
    ends: Sequence[int | None] = (*_DAY_EDGES, None)
    return [
        DayBin(from_days=low, to_days=high, people=n)
        for low, high, n in zip(edges, ends, counts, strict=True)
    ]


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
