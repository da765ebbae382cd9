"""Firing episodes against labelled windows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from statistics import median

from alerting.anomaly_scores.labelled import Window

PROBATION_SHARE, PROBATION_POINTS = 0.15, 750
"""At the beginning of a series detectors learn: what they say of its first 15 %, at most 750 points, doesn't count."""

Episode = tuple[datetime, datetime]
"""The points at which an alert began to fire and fired last."""


@dataclass(frozen=True, slots=True)
class Score:
    """What a detector found. `delays` are (first alert - start) / length of each window that was detected."""

    point_count: int
    window_count: int
    episode_count: int
    false_count: int
    delays: Sequence[float] = field(default=())

    @property
    def detected_count(self) -> int:
        return len(self.delays)

    @property
    def precision(self) -> float | None:
        """The share of episodes that lie in a window; None without any."""
        return 1 - self.false_count / self.episode_count if self.episode_count else None

    @property
    def recall(self) -> float | None:
        return self.detected_count / self.window_count if self.window_count else None

    @property
    def delay_ratio(self) -> float | None:
        """How late windows are detected: 0 is at their start, 1 at their end."""
        return median(self.delays) if self.delays else None

    @property
    def false_per_thousand_points(self) -> float:
        return 1000 * self.false_count / self.point_count if self.point_count else 0.0


def probation_end(times: Sequence[datetime]) -> datetime:
    """From this time on alerts count."""
    return times[min(int(PROBATION_SHARE * len(times)), PROBATION_POINTS)]


def score(times: Sequence[datetime], windows: Sequence[Window], episodes: Iterable[Episode]) -> Score:
    """A window is detected when an alert begins inside it; an episode that touches no window is false."""
    counted_from = probation_end(times)
    counted = [episode for episode in episodes if episode[0] >= counted_from]
    false_count = sum(
        not any(begin <= end and last >= start for start, end in windows) for begin, last in counted
    )
    found = [_delay(window, counted) for window in windows]
    delays = [delay for delay in found if delay is not None]
    return Score(len(times), len(windows), len(counted), false_count, delays)


def added(scores: Sequence[Score]) -> Score:
    return Score(
        sum(one.point_count for one in scores),
        sum(one.window_count for one in scores),
        sum(one.episode_count for one in scores),
        sum(one.false_count for one in scores),
        [delay for one in scores for delay in one.delays],
    )


def _delay(window: Window, episodes: Iterable[Episode]) -> float | None:
    start, end = window
    begins = [begin for begin, _ in episodes if start <= begin <= end]
    return (min(begins) - start) / (end - start) if begins else None
