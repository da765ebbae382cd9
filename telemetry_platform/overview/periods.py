"""The stretch of time that the numbers are of, and the one before it that they are compared with: pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Self

from projects.pages.time_range import TimeRange
from storage.rollups.windows import Window

MOST_BUCKETS = 60
"""A small line shows no more; fewer and longer buckets are read from coarser roll-ups."""


@dataclass(frozen=True, slots=True)
class Periods:
    """`shown` are the buckets of the small lines. All windows end alike and lie on buckets that roll-ups have."""

    shown: Window
    now: datetime

    @classmethod
    def of(cls, time_range: TimeRange, now: datetime) -> Self:
        return cls(time_range.window(MOST_BUCKETS), now)

    @property
    def length(self) -> timedelta:
        return self.shown.end - self.shown.start

    @property
    def halves(self) -> Window:
        """Two buckets: the period before, and the one shown."""
        return Window(self.shown.start - self.length, self.shown.end, self.length)

    @property
    def both(self) -> Window:
        """The buckets of the period before, then those of the one shown."""
        return Window(self.shown.start - self.length, self.shown.end, self.shown.interval)

    @property
    def passed_seconds(self) -> float:
        """How much of the period shown has passed: its last bucket often still runs."""
        passed = min(self.now, self.shown.end) - self.shown.start
        return max(passed, self.shown.interval).total_seconds()
