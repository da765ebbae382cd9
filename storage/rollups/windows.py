"""The buckets that a reader of roll-ups asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from storage.rollups.reading import TierName

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """`start <= time < end` in buckets of `interval`, all of whole minutes in UTC."""

    start: datetime
    end: datetime
    interval: timedelta

    @property
    def tier(self) -> TierName:
        """The coarsest tier of which each row lies in one bucket."""
        lengths = (self.start - EPOCH, self.end - EPOCH, self.interval)
        if not any(length % DAY for length in lengths):
            return "days"
        return "minutes" if any(length % HOUR for length in lengths) else "hours"

    @property
    def bucket_count(self) -> int:
        return -((self.start - self.end) // self.interval)

    @property
    def buckets(self) -> list[datetime]:
        """The start of each."""
        return [self.start + number * self.interval for number in range(self.bucket_count)]
