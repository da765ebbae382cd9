"""Events that a funnel looks at, as arrays: what both roads to the data hand to the search for chains.

All events of some units, as many as `analytics.funnels.bounds` lets lie in memory at once; other units come after them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from analytics.trails import EPOCH

Positions = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

EXCLUDED_FROM = 20
"""The first bit of the marks that stands for an exclusion; those before it stand for steps."""

NOWHERE = -1


@dataclass(frozen=True, slots=True)
class Occurrences:
    """Events ordered by unit, time and id; a *position* is an index into them.

    `ids` are what the road to them calls the units, and `names_of` tells the names of some ids, where they
    still have one. `unit` is an index into
    `ids`, `time_us` are microseconds since EPOCH, `marks` the steps (bit n is step n + 1) and exclusions that an event
    matches, `values` what the breakdown names. Strict funnels have all events of a unit here, the others only those
    with marks.
    """

    ids: Sequence[Any] | npt.NDArray[Any]
    names_of: Callable[[Sequence[Any]], Mapping[Any, str]]
    unit: npt.NDArray[np.int32]
    time_us: npt.NDArray[np.int64]
    marks: npt.NDArray[np.int32]
    values: Sequence[str | None] | None = None

    @property
    def unit_count(self) -> int:
        return len(self.ids)

    def with_bit(self, bit: int) -> Positions:
        """The positions of events with this mark, in order."""
        # Numbers that aren't flags take three times as long.
        return np.flatnonzero((self.marks & (1 << bit)) != 0)

    def unit_of(self, positions: Positions) -> npt.NDArray[np.int32]:
        """The units of the events at these positions."""
        return self.unit[positions]

    def time_of(self, positions: Positions) -> npt.NDArray[np.int64]:
        """Their times."""
        return self.time_us[positions]

    def lasted_us(self, starts: Positions, ends: Positions) -> npt.NDArray[np.int64]:
        """From the events at some positions to those at others."""
        return self.time_of(ends) - self.time_of(starts)


def first_of_each(groups: npt.NDArray[np.int32]) -> Positions:
    """The index of the first element of each run of equal ones."""
    if not len(groups):
        return np.empty(0, np.int64)
    is_first = np.empty(len(groups), np.bool_)
    is_first[0] = True
    np.not_equal(groups[1:], groups[:-1], out=is_first[1:])
    return np.flatnonzero(is_first)


def moment_of(time_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=time_us)
