"""Which buckets a summary is asked for. Pure: `now` is passed in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from projects.api.errors import BadRequest
from storage.rollups.reading import TierName

Step = Literal["1m", "1h", "1d"]

STEPS: dict[Step, timedelta] = {
    "1m": timedelta(minutes=1),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}
TIERS: dict[Step, TierName] = {"1m": "minutes", "1h": "hours", "1d": "days"}

AUTO, WHOLE = "auto", "none"
AUTO_BUCKETS = 750
"""`auto` takes the shortest step with at most so many buckets: 12 hours by the minute, 30 days by the hour."""

MAX_BUCKETS = 2000
DEFAULT_RANGE = timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Window:
    """A range of time in buckets of `interval`; start and end lie on the borders of the tier's buckets, in UTC."""

    start: datetime
    end: datetime
    interval: timedelta
    tier: TierName

    @property
    def bucket_count(self) -> int:
        return (self.end - self.start) // self.interval

    @property
    def buckets(self) -> list[datetime]:
        """The start of each."""
        return [self.start + number * self.interval for number in range(self.bucket_count)]


def window_of(
    start: datetime | None, end: datetime | None, interval: str, now: datetime, shortest: Step = "1m"
) -> Window:
    """The range widened to whole buckets; the last 24 hours where it isn't given.

    `interval` is a step, `auto` (a step not below `shortest`) or `none`: one bucket as long as the range.
    Raises BadRequest where the range is empty, leaves the years 1 to 9999, or has more than 2,000 buckets.
    """
    last = end or now
    try:
        first = start or last - DEFAULT_RANGE
        step = _step_of(interval, last - first, shortest)
        low, high = _floor(first, STEPS[step]), _ceil(last, STEPS[step])
    except OverflowError:
        raise BadRequest("start and end must lie in the years 1 to 9999.", code="invalid") from None
    if first >= last:
        raise BadRequest("start must be before end.", code="invalid")
    window = Window(low, high, high - low if interval == WHOLE else STEPS[step], TIERS[step])
    if window.bucket_count > MAX_BUCKETS:
        raise BadRequest(
            f"This range has {window.bucket_count:,} buckets of {step}, and at most {MAX_BUCKETS:,} are answered. "
            "Take a longer interval or a shorter range.",
            code="too_many_buckets",
        )
    return window


def _step_of(interval: str, length: timedelta, shortest: Step) -> Step:
    for step in STEPS:
        if step == interval:
            return step
    for step, duration in STEPS.items():
        if duration >= STEPS[shortest] and length <= AUTO_BUCKETS * duration:
            return step
    return "1d"


def _floor(moment: datetime, step: timedelta) -> datetime:
    return EPOCH + (moment - EPOCH) // step * step


def _ceil(moment: datetime, step: timedelta) -> datetime:
    return EPOCH - (EPOCH - moment) // step * step
