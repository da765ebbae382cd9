"""An hour by minutes as a picture: a bar for each minute, what was not stored on top of what was."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

MINUTES = 60
HEIGHT = 24
BAR_WIDTH = 0.8
LEAST_HEIGHT = 1.0
"""One record beside a minute of thousands still shows."""


@dataclass(frozen=True, slots=True)
class Bars:
    """SVG paths in a box of `MINUTES` by `HEIGHT`, and what they show in words."""

    stored: str
    not_stored: str
    words: str


def bars_of(counts: Mapping[datetime, tuple[int, int]], now: datetime) -> Bars:
    """`counts` has for a minute what was stored (now or before) and what was not."""
    newest = now.replace(second=0, microsecond=0)
    largest = max((sum(pair) for pair in counts.values()), default=0)
    stored, not_stored = [], []
    for minute, (good, bad) in counts.items():
        left = MINUTES - 1 - (newest - minute) // timedelta(minutes=1)
        if not 0 <= left < MINUTES:
            continue
        good_height = _height(good, largest)
        if good:
            stored.append(_bar(left, HEIGHT, good_height))
        if bad:
            height = min(_height(bad, largest), HEIGHT)
            not_stored.append(_bar(left, max(HEIGHT - good_height, height), height))
    words = (
        f"The last {MINUTES} minutes, at most {largest:,} a minute" if largest else "Nothing in the last hour"
    )
    return Bars("".join(stored), "".join(not_stored), words)


def _height(count: int, largest: int) -> float:
    return max(HEIGHT * count / largest, LEAST_HEIGHT) if count else 0.0


def _bar(left: int, bottom: float, height: float) -> str:
    return f"M{left} {bottom:.1f}v-{height:.1f}h{BAR_WIDTH}v{height:.1f}z"
