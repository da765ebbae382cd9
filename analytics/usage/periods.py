"""Days, weeks and months that usage is counted by: of the calendar in UTC, weeks from Monday on (ISO 8601). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

PeriodName = Literal["day", "week", "month"]
PERIOD_NAMES: tuple[PeriodName, ...] = get_args(PeriodName)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Periods:
    """Stretches of whole hours that follow each other, by their beginnings; `end` is that of the last one."""

    starts: tuple[datetime, ...]
    end: datetime

    @property
    def start(self) -> datetime:
        return self.starts[0]

    def ends(self, number: int) -> datetime:
        """When a period ends, which is when the next one begins."""
        return self.starts[number + 1] if number + 1 < len(self.starts) else self.end

    def over_count(self, now: datetime) -> int:
        """How many are over; only the last ones may not be."""
        return sum(self.ends(number) <= now for number in range(len(self.starts)))

    def number_of(self, moment: datetime) -> int:
        """Which period a moment lies in; -1 for one before them all."""
        return sum(start <= moment for start in self.starts) - 1


def periods_of(name: PeriodName, start: datetime, end: datetime) -> Periods:
    """The whole periods that `[start, end)` touches; both in UTC, the end later."""
    starts = [floor(name, start)]
    while (following := following_start(name, starts[-1])) < end:
        starts.append(following)
    return Periods(tuple(starts), following)


def floor(name: PeriodName, moment: datetime) -> datetime:
    """The beginning of the period that a moment in UTC lies in."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    match name:
        case "day":
            return midnight
        case "week":
            return midnight - midnight.weekday() * DAY
        case "month":
            return midnight.replace(day=1)


def following_start(name: PeriodName, start: datetime) -> datetime:
    """The beginning of the next period."""
    match name:
        case "day":
            return start + DAY
        case "week":
            return start + 7 * DAY
        case "month":
            # No month has more than 31 days, and 32 days on is never the month after the next.
            return (start + 32 * DAY).replace(day=1)
