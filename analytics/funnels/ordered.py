"""Chains whose events may have others between them; see the package's docstring for why there are two passes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from analytics.funnels.gaps import Gap, gaps_of, is_within
from analytics.funnels.occurrences import NOWHERE, Occurrences, Positions, first_of_each
from analytics.funnels.question import Funnel


def ordered_chains(events: Occurrences, funnel: Funnel) -> Positions:
    """For each unit the positions of its chain, a column a step; NOWHERE for steps it didn't reach."""
    steps = [events.with_bit(number) for number in range(len(funnel.steps))]
    gaps = gaps_of(events, funnel)
    reached = _steps_reached(events, funnel, steps, gaps)
    return _earliest(events, _ways_on(events, funnel, steps, gaps, reached), reached)


def _steps_reached(
    events: Occurrences, funnel: Funnel, steps: Sequence[Positions], gaps: Sequence[Gap]
) -> npt.NDArray[np.int8]:
    """How many steps each unit reaches. Forwards: for each event the latest start of a chain that leads to it."""
    reached = np.zeros(events.unit_count, np.int8)
    here = steps[0]
    starts_us = events.time_of(here)
    reached[events.unit_of(here)] = 1
    for number, gap in enumerate(gaps, start=1):
        following = steps[number]
        before = np.searchsorted(here, following) - 1
        following, before = following[before >= 0], before[before >= 0]
        fits = gap.allows(here[before], following)
        fits &= is_within(starts_us[before], events.time_of(following), funnel.window_us)
        here, starts_us = following[fits], starts_us[before[fits]]
        reached[events.unit_of(here)] = number + 1
    return reached


@dataclass(frozen=True, slots=True)
class _Ways:
    """Events of one step from which their unit's last step is reached in time, and for each the next such event.

    `onward` are indices into the positions of the following step; of events at a unit's last step they mean nothing.
    """

    positions: Positions
    ends_us: npt.NDArray[np.int64]
    onward: Positions


def _ways_on(
    events: Occurrences,
    funnel: Funnel,
    steps: Sequence[Positions],
    gaps: Sequence[Gap],
    reached: npt.NDArray[np.int8],
) -> list[_Ways]:
    """By step. Backwards: for each event the earliest end of a chain that leads on from it."""
    nothing = np.empty(0, np.int64)
    found = [_Ways(nothing, nothing, nothing)]
    for number in reversed(range(len(steps))):
        later = found[0]
        here = steps[number]
        depth = reached[events.unit_of(here)]
        here, depth = here[depth > number], depth[depth > number]
        fits = depth == number + 1
        ends_us = events.time_of(here)
        onward = np.searchsorted(later.positions, here, side="right")
        goes_on = ~fits & (onward < len(later.positions))
        following = onward[goes_on]
        ends_us[goes_on] = later.ends_us[following]
        if number < len(gaps):
            fits[goes_on] = gaps[number].allows(here[goes_on], later.positions[following])
        fits &= is_within(events.time_of(here), ends_us, funnel.window_us)
        found.insert(0, _Ways(here[fits], ends_us[fits], onward[fits]))
    return found[:-1]


def _earliest(events: Occurrences, ways: Sequence[_Ways], reached: npt.NDArray[np.int8]) -> Positions:
    """Each unit's earliest start, and from there always the earliest way on."""
    chains = np.full((events.unit_count, len(ways)), NOWHERE, np.int64)
    at = first_of_each(events.unit_of(ways[0].positions))
    units = events.unit_of(ways[0].positions[at])
    for number, way in enumerate(ways):
        chains[units, number] = way.positions[at]
        goes_on = reached[units] > number + 1
        at, units = way.onward[at[goes_on]], units[goes_on]
    return chains
