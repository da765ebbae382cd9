"""What is answered about sessions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from analytics.sessions.question import Place
from storage.rollups.windows import Window

DURATIONS_SECONDS = (0.0, 1.0, 10.0, 30.0, 60.0, 180.0, 600.0, 1800.0, 3600.0)
"""Where bars of the distribution begin; the first holds sessions of one moment."""


@dataclass(frozen=True, slots=True)
class Session:
    """`entry` and `exit` are the first and the last page, where events name pages, else the events' names."""

    unit: str
    session: str
    started_at: datetime
    ended_at: datetime
    event_count: int
    page_view_count: int
    entry: str
    exit: str
    source: str | None

    @property
    def place(self) -> Place:
        return Place(self.started_at, self.unit, self.session)

    @property
    def duration(self) -> timedelta:
        return self.ended_at - self.started_at


@dataclass(frozen=True, slots=True)
class Bucket:
    """Sessions that began in one stretch of time."""

    start: datetime
    session_count: int
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class Sessions:
    """Counts are of all sessions; `page` are the newest, one more than were asked for where there are more.

    `buckets` and `durations` (how many sessions lie in which bar of DURATIONS_SECONDS) where a window was given.
    """

    session_count: int
    unit_count: int
    median_seconds: float | None
    page: Sequence[Session]
    buckets: Sequence[Bucket] = ()
    durations: Sequence[int] = field(default_factory=lambda: [0] * len(DURATIONS_SECONDS))


def buckets_of(window: Window, found: Iterable[tuple[int, int, float]]) -> list[Bucket]:
    """Every bucket, also those in which nobody began; `found` are numbers of buckets with their sessions and median."""
    by_number: Mapping[int, tuple[int, float]] = {number: (count, median) for number, count, median in found}
    return [Bucket(start, *by_number.get(number, (0, None))) for number, start in enumerate(window.buckets)]
