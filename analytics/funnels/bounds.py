"""How much of a funnel's events lies in memory at once, and where that is too little.

Units have nothing to do with each other, so they are looked at some at a time, all events of each. What is left of
those is the way that each of them took (`analytics.funnels.ways`).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from analytics.funnels.question import Funnel
from analytics.trails import Longs
from projects.time_limits import TooCostly

MOST_BYTES = 512_000_000
"""Of one look at some units: their events, and what is computed of them."""

LARGE = 250_000
"""Events. Who asks for more waits for a turn."""

BYTES_AN_EVENT = 88
"""Measured where each event counts, of one step and of steps in any order; less where events lead nowhere."""

BYTES_A_STEP = 8
"""Of a unit's chain; each event may be a unit's only one."""

BYTES_A_VALUE = 900
"""Of a breakdown, by event: 200 characters of four bytes each."""


def most_events(funnel: Funnel) -> int:
    """Events that are looked at at once."""
    value = BYTES_A_VALUE if funnel.breakdown else 0
    return MOST_BYTES // (BYTES_AN_EVENT + BYTES_A_STEP * len(funnel.steps) + value)


def check_unit(event_count: int, most: int) -> None:
    """Raises TooCostly where one unit has more events than are looked at at once."""
    if event_count > most:
        raise TooCostly(
            f"One of those counted here has {event_count:,} events of this funnel, "
            f"which can look at {most:,} of one at most. "
            "Choose a shorter time range, or leave that one out by a condition in each step."
        )


def parts(sizes: Longs, most: int) -> Sequence[tuple[int, int]]:
    """`[low, high)` one after the other, for which `sizes` are together no more than `most`. Raises TooCostly."""
    if len(sizes):
        check_unit(int(sizes.max()), most)
    ends = np.cumsum(sizes)
    found = []
    low = taken = 0
    while low < len(sizes):
        high = int(np.searchsorted(ends, taken + most, side="right"))
        found.append((low, high))
        low, taken = high, int(ends[high - 1])
    return found
