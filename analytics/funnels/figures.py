"""The numbers of a funnel, out of the ways that units took."""

from __future__ import annotations

from datetime import datetime
from typing import TypedDict

import numpy as np

from analytics.funnels.occurrences import Flags, moment_of
from analytics.funnels.question import Funnel, Period
from analytics.funnels.ways import Ways
from analytics.trails import Longs
from projects.time_limits import check_time

MAX_GROUPS = 50
"""Values that a breakdown tells apart, those with most units first."""

_DAY_US = 86_400_000_000
_PERIODS: dict[Period, tuple[int, int]] = {"day": (_DAY_US, 0), "week": (7 * _DAY_US, 2 * _DAY_US)}
"""Length and a beginning of each; EPOCH was a Saturday, and weeks begin on Monday."""

_HALF = 32
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


def figures(ways: Ways, funnel: Funnel) -> Figures:
    """The figures of the units that went these ways."""
    reached = ways.reached
    counts = reached.sum(axis=0).tolist()
    total = _times(ways.times_us[reached[:, -1]], 0, -1)
    return Figures(
        steps=[
            StepFigures(
                name=_name(funnel, number),
                count=counts[number],
                conversion_ratio=_ratio(counts[number], counts[0]),
                step_conversion_ratio=_ratio(counts[number], counts[max(number - 1, 0)]),
                **_step_times(ways, reached, number),
            )
            for number in range(len(funnel.steps))
        ],
        total_median_seconds=total["median_seconds"],
        total_mean_seconds=total["mean_seconds"],
    )


def groups(ways: Ways, funnel: Funnel) -> tuple[list[Group], bool]:
    """The figures by value, the most frequent first, and whether there are more values than are given."""
    counts = np.bincount(ways.value[ways.value >= 0], minlength=len(ways.values)).tolist()

    def rank(number: int) -> tuple[int, bool, str]:
        value = ways.values[number]
        return -counts[number], value is None, value or ""

    frequent = sorted(range(len(ways.values)), key=rank)
    found = [
        Group(value=ways.values[number], **figures(ways.only(ways.value == number), funnel))
        for number in frequent[:MAX_GROUPS]
    ]
    return found, len(frequent) > MAX_GROUPS


def trend(ways: Ways, funnel: Funnel, period: Period) -> list[PeriodFigures]:
    """The figures by the period in which units began, in order; only periods in which some did. Raises TooCostly."""
    length_us, first_us = _PERIODS[period]
    periods = (ways.times_us[:, 0] - first_us) // length_us
    found = []
    for number in np.unique(periods).tolist():
        check_time()
        start = moment_of(number * length_us + first_us)
        found.append(PeriodFigures(start=start, **figures(ways.only(periods == number), funnel)))
    return found


class _Times(TypedDict):
    median_seconds: float | None
    mean_seconds: float | None


def _step_times(ways: Ways, reached: Flags, number: int) -> _Times:
    if number == 0:
        return _Times(median_seconds=None, mean_seconds=None)
    return _times(ways.times_us[reached[:, number]], number - 1, number)


def _times(times_us: Longs, start: int, end: int) -> _Times:
    """From one column to another."""
    lasted_us = times_us[:, end] - times_us[:, start]
    if not len(lasted_us):
        return _Times(median_seconds=None, mean_seconds=None)
    # In two halves: years of a million people in microseconds are beyond 64 bits.
    sum_us = (int((lasted_us >> _HALF).sum()) << _HALF) + int((lasted_us & ((1 << _HALF) - 1)).sum())
    return _Times(
        median_seconds=round(float(np.median(lasted_us)) / 1e6, _DECIMALS),
        mean_seconds=round(sum_us / len(lasted_us) / 1e6, _DECIMALS),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _name(funnel: Funnel, number: int) -> str:
    if funnel.order != "any":
        return funnel.steps[number].name
    return f"any {number + 1} of {len(funnel.steps)}"
