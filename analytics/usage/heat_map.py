"""The retention table as people see it: numbers on colour, so that the table is the heat map. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from analytics.usage.cohorts import Average, Cohort
from analytics.usage.periods import Periods

MAX_SHOWN = 31
"""Cohorts and periods: more are not read on a screen. Exports have all."""

SHADES = 10
"""From 0 (nobody) to so many (everybody)."""


@dataclass(frozen=True, slots=True)
class Cell:
    """`ratio` is None where the cohort has nobody; `is_running`: the period is not over, so the number will grow."""

    count: int
    ratio: float | None
    is_running: bool

    @property
    def shade(self) -> int:
        return shade_of(self.ratio)


@dataclass(frozen=True, slots=True)
class CohortRow:
    start: datetime
    people: int
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class HeatMap:
    """The newest cohorts, from the first with anybody on; `averages` are of all that were asked for."""

    rows: Sequence[CohortRow]
    averages: Sequence[tuple[float | None, int]]
    """(ratio, shade) by period."""
    left_out: int
    """Older cohorts that only exports have."""

    @property
    def columns(self) -> range:
        return range(len(self.averages))

    @property
    def is_empty(self) -> bool:
        return not any(row.people for row in self.rows)


def heat_map(
    table: Sequence[Cohort], averages: Sequence[Average], periods: Periods, now: datetime
) -> HeatMap:
    """Of the newest MAX_SHOWN cohorts, without those before anybody came."""
    last = len(table) - 1
    is_running = periods.end > now
    begun = next((number for number, cohort in enumerate(table) if cohort["people"]), 0)
    first = max(len(table) - MAX_SHOWN, begun)
    rows = [
        CohortRow(
            start=cohort["start"],
            people=cohort["people"],
            cells=[
                Cell(count, ratio, is_running and number + later == last)
                for later, (count, ratio) in enumerate(zip(cohort["returned"], cohort["ratios"], strict=True))
            ],
        )
        for number, cohort in enumerate(table)
        if number >= first
    ]
    return HeatMap(
        rows=rows,
        averages=[(one["ratio"], shade_of(one["ratio"])) for one in averages[: len(rows)]],
        left_out=first - begun,
    )


def shade_of(ratio: float | None) -> int:
    """At least 1 where anybody is; ratios of two different events may be above 1 in no period."""
    if not ratio:
        return 0
    return max(1, min(round(ratio * SHADES), SHADES))
