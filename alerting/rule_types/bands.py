"""What is usual at an hour: robust seasonal bands out of weeks of hourly values. Pure."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from statistics import median

from alerting.sources.aggregates import percentile_of_values

HOUR = timedelta(hours=1)
NORMAL = 1.4826
"""The median absolute deviation of normally distributed values times this is their standard deviation."""

DECILES = 2.563
"""So many standard deviations lie between the first and the last tenth of normally distributed values."""

LEAST_SAMPLES = 3
"""With fewer values at an hour of the week, hours of the day tell more; with fewer there, all hours."""
MANY = 9
"""From so many values on, leaving one out moves their median by next to nothing."""
LEAST_HOURS = 12
"""With less history than this nothing is unusual."""

LEAST_SHARE = 0.01
"""A spread below 1 % of the value is taken for that: a line that was flat is not broken by its last digit."""
FARTHEST = 1_000.0
"""Deviations from what never moved have no measure; they are said to be so many."""

Hours = Mapping[datetime, float]


@dataclass(frozen=True, slots=True)
class Band:
    """What is usual: `center` is a median, `spread` one robust standard deviation; `kind` says of which hours."""

    center: float
    spread: float
    kind: str

    def deviations(self, value: float) -> float:
        """How many spreads a value lies above the center; below it the number is negative."""
        distance = value - self.center
        if distance == 0:
            return 0.0
        if self.spread == 0:
            return math.copysign(FARTHEST, distance)
        return max(-FARTHEST, min(FARTHEST, distance / self.spread))

    def scaled(self, factor: float, spread_factor: float) -> Band:
        return Band(self.center * factor, self.spread * spread_factor, self.kind)


def hour_of_week(hour: datetime) -> int:
    return hour.weekday() * 24 + hour.hour


def hour_of_day(hour: datetime) -> int:
    return hour.hour


def any_hour(hour: datetime) -> int:
    return 0


_SEASONS: Sequence[tuple[str, Callable[[datetime], int]]] = (
    ("this hour of the week", hour_of_week),
    ("this hour of the day", hour_of_day),
    ("all hours", any_hour),
)


def bands(history: Hours, hours: Iterable[datetime]) -> dict[datetime, Band]:
    """The band of each of these hours out of the values of earlier ones; empty where there are too few.

    The finest season with enough values gives the center. A handful of them says little of the spread, so that of
    all hours about their own centers counts where it is the larger one.
    """
    if len(history) < LEAST_HOURS:
        return {}
    seasons = [(kind, key, _grouped(history, key)) for kind, key in _SEASONS]
    found: dict[datetime, Band] = {}
    for hour in hours:
        for kind, key, groups in seasons:
            values = groups.get(key(hour), ())
            if len(values) >= LEAST_SAMPLES:
                center = median(values)
                spread = max(
                    _spread(_misses(values)),
                    _common_spread(groups),
                    0.0 if key is hour_of_week else _width(values),
                    LEAST_SHARE * abs(center),
                )
                found[hour] = Band(center, spread, kind)
                break
    return found


def overlaps(end: datetime, length_seconds: float) -> dict[datetime, float]:
    """The hours that a window of at most an hour touches, each with its share of the window."""
    start = end - timedelta(seconds=length_seconds)
    first = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    inside = min(max((first + HOUR - start).total_seconds() / length_seconds, 0.0), 1.0)
    shares = {first: inside, first + HOUR: 1 - inside}
    return {hour: share for hour, share in shares.items() if share > 0}


def blended(bands_by_hour: Mapping[datetime, Band], shares: Mapping[datetime, float]) -> Band | None:
    """The band of a window that lies across hours; None where one of them has none.

    Where in an hour its values rise or fall isn't known: the window may be off by its smaller share of the step
    between the two centers.
    """
    if not all(hour in bands_by_hour for hour in shares):
        return None
    weighted = [(bands_by_hour[hour], share) for hour, share in shares.items()]
    spread = sum(band.spread * share for band, share in weighted)
    step = max(band.center for band, _ in weighted) - min(band.center for band, _ in weighted)
    return Band(
        sum(band.center * share for band, share in weighted),
        math.hypot(spread, step * min(shares.values())),
        weighted[0][0].kind,
    )


def filled(history: Hours, end: datetime) -> dict[datetime, float]:
    """Every hour from the first with a value on, those without being 0: for what is counted."""
    if not history:
        return {}
    hours: dict[datetime, float] = {}
    hour = min(history)
    while hour < end:
        hours[hour] = history.get(hour, 0.0)
        hour += HOUR
    return hours


def _grouped(history: Hours, key: Callable[[datetime], int]) -> dict[int, list[float]]:
    groups: dict[int, list[float]] = defaultdict(list)
    for hour, value in history.items():
        groups[key(hour)].append(value)
    return groups


def _width(values: Sequence[float]) -> float:
    """The spread that normal values have whose outer tenths lie so far apart.

    A median of days and nights, or of workdays and Sundays, is near the commoner ones, and most deviations from it
    are small: the rarer ones would all be unusual.
    """
    return (percentile_of_values(values, 0.9) - percentile_of_values(values, 0.1)) / DECILES


def _common_spread(groups: Mapping[int, Sequence[float]]) -> float:
    return _spread([miss for values in groups.values() for miss in _misses(values)])


def _misses(values: Sequence[float]) -> list[float]:
    """How far each value lies from the median of the others, as the next value will lie from theirs.

    Of three values one is their median: measured from that, a third of all distances would be 0. Of many it is no
    matter, and not worth the time.
    """
    if len(values) == 1:
        return []
    if len(values) > MANY:
        center = median(values)
        return [value - center for value in values]
    ordered = sorted(values)
    return [
        value - median(ordered[:position] + ordered[position + 1 :]) for position, value in enumerate(ordered)
    ]


def _spread(distances: Sequence[float]) -> float:
    return NORMAL * median(abs(distance) for distance in distances) if distances else 0.0
