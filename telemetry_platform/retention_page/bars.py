"""Sizes by day as a picture: one bar for each day between the first and the last, gaps stay gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from projects import figures
from storage.partitions import Partition

HEIGHT = 32
BAR_WIDTH = 0.8
LEAST_HEIGHT = 0.6
"""A partition that is nearly empty still shows that it is there."""


@dataclass(frozen=True, slots=True)
class Bars:
    """An SVG path in a box of `width` days by `HEIGHT`, and what it shows in words."""

    path: str
    width: int
    height: int
    words: str


def bars_of(days: Sequence[Partition]) -> Bars | None:
    """None without partitions; `days` come oldest first."""
    if not days:
        return None
    first, last = days[0].day, days[-1].day
    largest = max(days, key=lambda partition: partition.size_bytes)
    path = "".join(_bar(partition, first, largest.size_bytes) for partition in days)
    words = (
        f"Size by day from {first:%d %b %Y} to {last:%d %b %Y}, largest {largest.day:%d %b} "
        f"with {figures.size(largest.size_bytes)}"
    )
    return Bars(path, (last - first).days + 1, HEIGHT, words)


def _bar(partition: Partition, first: date, largest_bytes: int) -> str:
    left = (partition.day - first).days
    height = max(HEIGHT * partition.size_bytes / max(largest_bytes, 1), LEAST_HEIGHT)
    return f"M{left} {HEIGHT}v-{height:.1f}h{BAR_WIDTH}V{HEIGHT}z"
