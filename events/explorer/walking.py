"""Reading a long range in pieces, newest or oldest first, until there is enough, or people have waited long enough.

No index serves every filter. A statement over the whole range would take as long as its rarest filter, and show
nothing when it is stopped; pieces show what was found so far, and how far back that is.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

BUDGET_SECONDS = 2.0
FIRST_PART = 64
"""The first piece is so small a part of the range: the events next to where reading begins are what most ask for."""
SHORTEST = timedelta(minutes=15)


def backwards(
    start: datetime,
    end: datetime,
    budget_seconds: float = BUDGET_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[datetime, datetime]]:
    """Pieces `low <= time < high`, newest first. The next is longer after a quick one, shorter after a slow one.

    Ends at `start`, or with the first piece after which the budget is spent.
    """
    for near, far in _pieces(end - start, budget_seconds, clock):
        yield end - far, end - near


def forwards(
    start: datetime,
    end: datetime,
    budget_seconds: float = BUDGET_SECONDS,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[datetime, datetime]]:
    """The same, oldest first."""
    for near, far in _pieces(end - start, budget_seconds, clock):
        yield start + near, start + far


def _pieces(
    whole: timedelta, budget_seconds: float, clock: Callable[[], float]
) -> Iterator[tuple[timedelta, timedelta]]:
    """How far the ends of each piece are from where reading begins."""
    began = clock()
    length = max(whole / FIRST_PART, SHORTEST)
    near = timedelta(0)
    while near < whole:
        far = min(near + length, whole)
        asked = clock()
        yield near, far
        length = max(length * _growth(clock() - asked), SHORTEST)
        near = far
        if clock() - began >= budget_seconds:
            return


def _growth(seconds: float) -> float:
    if seconds < 0.05:
        return 8
    return 2 if seconds < 0.25 else 1 if seconds < 0.8 else 0.5
