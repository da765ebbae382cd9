"""The numbers of a funnel, out of its chains."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TypedDict

import numpy as np

from analytics.funnels.occurrences import NOWHERE, Flags, Occurrences, Positions, moment_of
from analytics.funnels.question import Breakdown, Funnel, Period

MAX_GROUPS = 50
"""Values that a breakdown tells apart, those with most units first."""

_DAY_US = 86_400_000_000
_PERIODS: dict[Period, tuple[int, int]] = {"day": (_DAY_US, 0), "week": (7 * _DAY_US, 2 * _DAY_US)}
"""Length and a beginning of each; EPOCH was a Saturday, and weeks begin on Monday."""

_DECIMALS = 6
"""Times are kept in microseconds."""


class StepFigures(TypedDict):
    """Ratios are of the units that reached the first step, and of those that reached the step before; null of none.

    Seconds are those since the step before, over the units that reached this one.
    """

    name: str
    count: int
    conversion_ratio: float | None
    step_conversion_ratio: float | None
    median_seconds: float | None
    mean_seconds: float | None


class Figures(TypedDict):
    """Totals are from the first event to the last, over the units that reached the last step."""

    steps: list[StepFigures]
    total_median_seconds: float | None
    total_mean_seconds: float | None


class Group(Figures):
    """The figures of the units with one value; null is that of units without any."""

    value: str | None


class PeriodFigures(Figures):
    """The figures of the units whose chain began in the period that begins at `start`."""

    start: datetime


def figures(events: Occurrences, chains: Positions, funnel: Funnel) -> Figures:
    """The figures of these chains, a row a unit."""
    reached = chains != NOWHERE
    counts = reached.sum(axis=0).tolist()
    last = reached[:, -1]
    total = _times(events, chains[last, 0], chains[last, -1])
    return Figures(
        steps=[
            StepFigures(
                name=_name(funnel, number),
                count=counts[number],
                conversion_ratio=_ratio(counts[number], counts[0]),
                step_conversion_ratio=_ratio(counts[number], counts[max(number - 1, 0)]),
                **_step_times(events, chains, reached, number),
            )
            for number in range(len(funnel.steps))
        ],
        total_median_seconds=total["median_seconds"],
        total_mean_seconds=total["mean_seconds"],
    )


def groups(
    events: Occurrences, chains: Positions, funnel: Funnel, breakdown: Breakdown
) -> tuple[list[Group], bool]:
    """The figures by value, the most frequent first, and whether there are more values than are given."""
    by_value: dict[str | None, list[int]] = defaultdict(list)
    for unit, value in _values_of_chains(events, chains, breakdown):
        by_value[value].append(unit)
    frequent = sorted(by_value, key=lambda value: (-len(by_value[value]), value is None, value))
    found = [
        Group(value=value, **figures(events, chains[by_value[value]], funnel))
        for value in frequent[:MAX_GROUPS]
    ]
    return found, len(frequent) > MAX_GROUPS


def trend(events: Occurrences, chains: Positions, funnel: Funnel, period: Period) -> list[PeriodFigures]:
    """The figures by the period in which units began, in order; only periods in which some did."""
    length_us, first_us = _PERIODS[period]
    begun = chains[chains[:, 0] != NOWHERE]
    periods = (events.time_of(begun[:, 0]) - first_us) // length_us
    return [
        PeriodFigures(
            start=moment_of(number * length_us + first_us),
            **figures(events, begun[periods == number], funnel),
        )
        for number in np.unique(periods).tolist()
    ]


class _Times(TypedDict):
    median_seconds: float | None
    mean_seconds: float | None


def _step_times(events: Occurrences, chains: Positions, reached: Flags, number: int) -> _Times:
    if number == 0:
        return _Times(median_seconds=None, mean_seconds=None)
    there = chains[reached[:, number]]
    return _times(events, there[:, number - 1], there[:, number])


def _times(events: Occurrences, starts: Positions, ends: Positions) -> _Times:
    lasted_us = events.lasted_us(starts, ends)
    if not len(lasted_us):
        return _Times(median_seconds=None, mean_seconds=None)
    # The sum as Python's integer: years of a million people in microseconds are beyond 64 bits.
    mean_us = sum(lasted_us.tolist()) / len(lasted_us)
    return _Times(
        median_seconds=round(float(np.median(lasted_us)) / 1e6, _DECIMALS),
        mean_seconds=round(mean_us / 1e6, _DECIMALS),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _name(funnel: Funnel, number: int) -> str:
    if funnel.order != "any":
        return funnel.steps[number].name
    return f"any {number + 1} of {len(funnel.steps)}"


def _values_of_chains(
    events: Occurrences, chains: Positions, breakdown: Breakdown
) -> Iterator[tuple[int, str | None]]:
    """(unit, the value that counts for it) of the units that count."""
    values: Sequence[str | None] = events.values or ()
    column = breakdown.step - 1 if breakdown.touch == "step" else 0
    units = np.flatnonzero(chains[:, column] != NOWHERE)
    for unit, positions in zip(units.tolist(), chains[units].tolist(), strict=True):
        if breakdown.touch == "step":
            yield unit, values[positions[column]]
            continue
        given = [values[at] for at in positions if at != NOWHERE and values[at] is not None]
        yield unit, given[0 if breakdown.touch == "first" else -1] if given else None
