"""Of several starts of a unit the one that leads furthest."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from analytics.funnels.occurrences import Positions, first_of_each


def longest_of_each(units: npt.NDArray[np.int32], lengths: npt.NDArray[np.int8]) -> Positions:
    """For starts ordered by unit and time: the index of each unit's longest, the earliest of those."""
    firsts = first_of_each(units)
    if not len(firsts):
        return firsts
    longest = np.maximum.reduceat(lengths, firsts)
    runs = np.diff(firsts, append=len(units))
    candidates = np.flatnonzero(lengths == np.repeat(longest, runs))
    return candidates[first_of_each(units[candidates])]
