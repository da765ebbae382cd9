"""Chains whose steps may be reached in any order, each by an event of its own.

Where events match several steps the longest chain is a largest matching of steps and events. How large it is in a
stretch of events follows from counts alone (Konig, Hall): over all sets of steps, the least of "steps outside the set
plus events that match one inside". So 2^steps running sums answer for all starts at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from analytics.funnels.longest import longest_of_each
from analytics.funnels.occurrences import EXCLUDED_FROM, NOWHERE, Occurrences, Positions, first_of_each
from analytics.funnels.question import Funnel
from projects.time_limits import check_time

CHECKED_EVERY = 1000
"""Units after which somebody looks whether the answer's time is over."""

FEW = 64
"""Events among which a walk is quicker than looking for those that matter."""


def any_order_chains(events: Occurrences, funnel: Funnel) -> Positions:
    """For each unit the positions of its chain in the order of time; NOWHERE beyond its length."""
    width = len(funnel.steps)
    all_steps = (1 << width) - 1
    starts = np.flatnonzero(events.marks & all_steps)
    ends = _ends(events, funnel, starts)
    lengths = _lengths(events, width, starts, ends)
    best = longest_of_each(events.unit[starts], lengths)
    chains = np.full((events.unit_count, width), NOWHERE, np.int64)
    is_told_apart = not np.any(events.marks & all_steps & ((events.marks & all_steps) - 1))
    if is_told_apart:
        chains[events.unit[starts[best]]] = _firsts(events, width, starts[best], ends[best])
        return chains
    by_hand = _ByHand(events.marks & all_steps)
    for number, index in enumerate(best.tolist()):
        if number % CHECKED_EVERY == 0:
            check_time()
        found = by_hand.chain(int(starts[index]), int(ends[index]), int(lengths[index]))
        chains[events.unit[starts[index]], : len(found)] = found
    return chains


def _ends(events: Occurrences, funnel: Funnel, starts: Positions) -> Positions:
    """Behind the last event that a chain from each start may have: of its unit, in time, before any excluded one."""
    firsts = first_of_each(events.unit)
    lasts = np.append(firsts[1:], len(events.unit))
    ends: Positions = lasts[np.searchsorted(firsts, starts, side="right") - 1]
    for number in range(len(funnel.exclusions)):
        excluded = np.append(events.with_bit(EXCLUDED_FROM + number), len(events.unit))
        ends = np.minimum(ends, excluded[np.searchsorted(excluded[:-1], starts, side="right")])
    if funnel.window_us is not None:
        ends = _in_window(events.time_us, starts, ends, funnel.window_us)
    return ends


def _in_window(
    time_us: npt.NDArray[np.int64], starts: Positions, ends: Positions, window_us: int
) -> Positions:
    """Behind the last position of each `[start, end)` in the window: a binary search for all of them at once."""
    low, high = starts + 1, ends.copy()
    while np.any(searching := low < high):
        middle = (low + high) // 2
        fits = searching & (time_us[np.minimum(middle, len(time_us) - 1)] - time_us[starts] <= window_us)
        low = np.where(fits, middle + 1, low)
        high = np.where(searching & ~fits, middle, high)
    return low


def _lengths(events: Occurrences, width: int, starts: Positions, ends: Positions) -> npt.NDArray[np.int8]:
    lengths = np.full(len(starts), width, np.int8)
    for chosen in range(1, 1 << width):
        check_time()
        counted = np.concatenate(([0], np.cumsum((events.marks & chosen) != 0, dtype=np.int32)))
        bound = width - chosen.bit_count() + (counted[ends] - counted[starts])
        lengths = np.minimum(lengths, bound).astype(np.int8)
    return lengths


def _firsts(events: Occurrences, width: int, starts: Positions, ends: Positions) -> Positions:
    """Where an event matches one step at most: the first event of each step, in the order of time."""
    beyond = len(events.unit)
    found = np.empty((len(starts), width), np.int64)
    for number in range(width):
        step = np.append(events.with_bit(number), beyond)
        first = step[np.searchsorted(step[:-1], starts)]
        found[:, number] = np.where(first < ends, first, beyond)
    found.sort(axis=1)
    found[found == beyond] = NOWHERE
    return found


class _ByHand:
    """Chains where one event may be for several steps; `marks` are those of steps alone."""

    def __init__(self, marks: npt.NDArray[np.int32]) -> None:
        self._marks = marks
        self._alike = {mark: np.flatnonzero(marks == mark) for mark in np.unique(marks[marks != 0]).tolist()}

    def chain(self, start: int, end: int, length: int) -> list[int]:
        """The earliest events that different steps can be given to: whatever makes the matching larger is taken."""
        matched: dict[int, int] = {}
        found: list[int] = []
        for position in self._candidates(start, end):
            if len(found) == length:
                break
            if _give(self._marks, position, matched, set()):
                found.append(position)
        return found

    def _candidates(self, start: int, end: int) -> Sequence[int]:
        """All where there are few. Of many only the first ones of each mark, as many as it has steps: where those
        can't be given steps, no later one like them can.
        """
        if end - start <= FEW:
            return range(start, end)
        found: list[int] = []
        for mark, positions in self._alike.items():
            first = int(np.searchsorted(positions, start))
            found += positions[first : first + mark.bit_count()].tolist()
        return sorted(position for position in found if position < end)


def _give(marks: npt.NDArray[np.int32], position: int, matched: dict[int, int], tried: set[int]) -> bool:
    """Give the event a step, where need be by giving others theirs anew. `matched` says which event has a step."""
    step, left = 0, int(marks[position])
    while left:
        if left & 1 and step not in tried:
            tried.add(step)
            if step not in matched or _give(marks, matched[step], matched, tried):
                matched[step] = position
                return True
        step, left = step + 1, left >> 1
    return False
