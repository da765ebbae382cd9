"""Growth taken apart: who is new, stays, comes back and goes. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import numpy as np

from analytics.usage.presence import Presence

NEVER, EARLIER = -2, -1

DEFINITION = (
    "New: the very first event, in all that is kept, lies in the period. Returning: there in this period and the one "
    "before. Resurrecting: there in this one, not in the one before, but earlier. Dormant: there in the one before, "
    "not in this one (PostHog's lifecycle; Amplitude calls returning people current)."
)


class LifecyclePeriod(TypedDict):
    """People by what they are in the period that begins at `start`; the first three are all its active ones."""

    start: datetime
    new: int
    returning: int
    resurrecting: int
    dormant: int


def lifecycle(seen: Presence) -> list[LifecyclePeriod]:
    """For each period but the first, which only says who was there before the second; `seen.before` is asked for."""
    last_period = np.full(seen.number_limit, NEVER, np.int32)
    last_period[seen.before] = EARLIER
    last_period[seen.by_period[0]] = 0
    found = []
    for number in range(1, len(seen.by_period)):
        people, people_before = seen.by_period[number], seen.by_period[number - 1]
        last = last_period[people]
        new = int(np.count_nonzero(last == NEVER))
        returning = int(np.count_nonzero(last == number - 1))
        found.append(
            LifecyclePeriod(
                start=seen.periods.starts[number],
                new=new,
                returning=returning,
                resurrecting=len(people) - new - returning,
                dormant=len(people_before) - returning,
            )
        )
        last_period[people] = number
    return found
