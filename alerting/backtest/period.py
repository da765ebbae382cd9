"""Which period a backtest replays, and in which steps. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting.backtest.errors import PeriodError
from projects.retention import RawKind

MAX_EVALUATIONS = 20_000
MAX_DAYS = 3_660
CLOCK_SLACK = timedelta(minutes=1)
"""An end so little ahead was "now" by a clock that is a bit fast."""

KINDS: Mapping[str, tuple[RawKind, str]] = {
    "telemetry_event": ("events", "Events"),
    "system_metric": ("metrics", "Metric points"),
    "business_metric": ("business", "Business metrics"),
    "trace": ("traces", "Spans"),
}
"""What a source's records are for retention, and for people."""


@dataclass(frozen=True, slots=True)
class Period:
    """Evaluations from `start` to `end`, both included where the steps meet it."""

    start: datetime
    end: datetime
    step_seconds: float

    @property
    def evaluation_count(self) -> int:
        return int((self.end - self.start) / timedelta(seconds=self.step_seconds)) + 1

    def moments(self) -> Iterator[datetime]:
        step = timedelta(seconds=self.step_seconds)
        return (self.start + number * step for number in range(self.evaluation_count))


def period_of(start: datetime, end: datetime, interval_seconds: float, now: datetime) -> Period:
    """The period in steps of the interval, or of a multiple where there would be too many. Raises PeriodError."""
    if end > now + CLOCK_SLACK:
        raise PeriodError({"end": f"Lies in the future: now it is {_text(now)}."})
    end = min(end, now)
    if start >= end:
        raise PeriodError({"start": "Must be before the end."})
    if end - start > timedelta(days=MAX_DAYS):
        raise PeriodError({"start": f"Must be at most {MAX_DAYS:,} days (ten years) before the end."})
    interval_count = (end - start).total_seconds() / interval_seconds
    step_seconds = interval_seconds * max(1, math.ceil(interval_count / (MAX_EVALUATIONS - 1)))
    return Period(start, end, step_seconds)


def check_kept(start: datetime, now: datetime, kept_days: Mapping[str, int]) -> None:
    """Refuse a start from which on records are no longer kept. `kept_days` by source. Raises PeriodError."""
    for source, days in kept_days.items():
        oldest = now - timedelta(days=days)
        if start < oldest:
            records = KINDS[source][1]
            raise PeriodError(
                {"start": f"{records} are kept for {days} days: the oldest are of {_text(oldest)}."}
            )


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"
