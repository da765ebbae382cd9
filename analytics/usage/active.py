"""Daily, weekly and monthly active people. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import numpy as np

from analytics.usage.presence import Presence

WEEK_DAYS, MONTH_DAYS = 7, 30
LONG_AGO = -MONTH_DAYS

DEFINITION = (
    f"Daily: people with an event on this UTC day; weekly and monthly: on one of the {WEEK_DAYS} or {MONTH_DAYS} days "
    "that end with it. Stickiness: daily / monthly."
)


class ActiveDay(TypedDict):
    """People who were active; `stickiness_ratio` is None where nobody was in a month."""

    day: datetime
    daily: int
    weekly: int
    monthly: int
    stickiness_ratio: float | None


def active_days(seen: Presence, first: datetime) -> list[ActiveDay]:
    """For each day from `first` on; `seen` is by day and begins `MONTH_DAYS` - 1 days before it."""
    # Everybody is looked at on each day: counting only who has come or gone takes twice as long.
    last_day = np.full(seen.number_limit, LONG_AGO, np.int32)
    found = []
    for number, (day, people) in enumerate(zip(seen.periods.starts, seen.by_period, strict=True)):
        last_day[people] = number
        if day >= first:
            weekly, monthly = (
                int(np.count_nonzero(last_day > number - days)) for days in (WEEK_DAYS, MONTH_DAYS)
            )
            found.append(
                ActiveDay(
                    day=day,
                    daily=len(people),
                    weekly=weekly,
                    monthly=monthly,
                    stickiness_ratio=len(people) / monthly if monthly else None,
                )
            )
    return found
