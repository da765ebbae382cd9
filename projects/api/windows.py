"""Which buckets a summary is asked for. Pure: `now` is passed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Literal

from projects.api.errors import BadRequest
from storage.rollups.windows import EPOCH, Window

Step = Literal["1m", "1h", "1d"]

STEPS: dict[Step, timedelta] = {
    "1m": timedelta(minutes=1),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
}

AUTO, WHOLE = "auto", "none"
AUTO_BUCKETS = 750
"""`auto` takes the shortest step with at most so many buckets: 12 hours by the minute, 30 days by the hour."""

MAX_BUCKETS = 2000
DEFAULT_RANGE = timedelta(days=1)


def whole_buckets(
    start: datetime | None,
    end: datetime | None,
    now: datetime,
    interval_for: Callable[[timedelta], timedelta],
) -> Window:
    """The range widened to whole buckets since 1970; the last 24 hours where it isn't given.

    `interval_for` says how long a bucket is in a range of such a length. Raises BadRequest where the range is empty
    or leaves the years 1 to 9999.
    """
    last = end or now
    try:
        first = start or last - DEFAULT_RANGE
        interval = interval_for(last - first)
        low = EPOCH + (first - EPOCH) // interval * interval
        high = EPOCH - (EPOCH - last) // interval * interval
    except OverflowError:
        raise BadRequest("start and end must lie in the years 1 to 9999.", code="invalid") from None
    if first >= last:
        raise BadRequest("start must be before end.", code="invalid")
    return Window(low, high, interval)


def refuse_more_buckets(window: Window, most: int) -> None:
    """Raises BadRequest where the window has more buckets than that."""
    if (count := window.bucket_count) > most:
        raise BadRequest(
            f"This range has {count:,} buckets, and at most {most:,} are answered. "
            "Take a longer interval or a shorter range.",
            code="too_many_buckets",
        )


def window_of(
    start: datetime | None, end: datetime | None, interval: str, now: datetime, shortest: Step = "1m"
) -> Window:
    """`whole_buckets` of a step, of `auto` (a step not below `shortest`), or `none`: one as long as the range.

    Raises BadRequest as it does, and where there are more than 2,000.
    """
    window = whole_buckets(start, end, now, lambda length: STEPS[_step_of(interval, length, shortest)])
    if interval == WHOLE:
        return replace(window, interval=window.end - window.start)
    refuse_more_buckets(window, MAX_BUCKETS)
    return window


def _step_of(interval: str, length: timedelta, shortest: Step) -> Step:
    for step in STEPS:
        if step == interval:
            return step
    for step, duration in STEPS.items():
        if duration >= STEPS[shortest] and length <= AUTO_BUCKETS * duration:
            return step
    return "1d"
