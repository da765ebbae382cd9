"""The stretch of time that a page shows: pure, `now` is passed in. It lives in the URL, so that links can be shared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

from storage.rollups.windows import EPOCH, Window

PRESETS = {
    "15m": ("Last 15 min", timedelta(minutes=15)),
    "1h": ("Last 1 h", timedelta(hours=1)),
    "3h": ("Last 3 h", timedelta(hours=3)),
    "6h": ("Last 6 h", timedelta(hours=6)),
    "24h": ("Last 24 h", timedelta(hours=24)),
    "2d": ("Last 2 d", timedelta(days=2)),
    "7d": ("Last 7 d", timedelta(days=7)),
    "30d": ("Last 30 d", timedelta(days=30)),
    "90d": ("Last 90 d", timedelta(days=90)),
}
DAYS_AGO = {"today": ("Today", 0), "yesterday": ("Yesterday", 1)}
"""Days of the reader's calendar; today ends now."""
DEFAULT = "1h"
SHORTEST = timedelta(seconds=1)
LONGEST = timedelta(days=3660)
EARLIEST = EPOCH
LATEST = datetime(9000, 1, 1, tzinfo=UTC)

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
BUCKETS = (
    *(timedelta(seconds=seconds) for seconds in (1, 5, 15, 30)),
    *(timedelta(minutes=minutes) for minutes in (1, 5, 15)),
    *(timedelta(hours=hours) for hours in (1, 6)),
    *(timedelta(days=days) for days in (1, 7, 30)),
)


class InvalidTimeRange(ValueError):
    """The URL's times can't be understood; the text says which and why."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """`start <= time < end`, both in UTC. `preset` is "" where both were given."""

    start: datetime
    end: datetime
    preset: str = ""

    @classmethod
    def of_preset(cls, preset: str, now: datetime) -> Self:
        return cls(now - PRESETS[preset][1], now, preset)

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    @property
    def parameters(self) -> dict[str, str]:
        """What it is in a URL."""
        if self.preset:
            return {"range": self.preset}
        return {"start": _url_text(self.start), "end": _url_text(self.end)}

    @property
    def before(self) -> TimeRange:
        """The stretch of the same length just before."""
        return TimeRange(max(self.start - self.length, EARLIEST), self.start)

    def widened(self, by: timedelta) -> TimeRange:
        return TimeRange(max(self.start - by, EARLIEST), min(self.end + by, LATEST))

    def halves(self, most_buckets: int) -> Window:
        """Two buckets: `window` of so many buckets as one, and the stretch of the same length before it."""
        shown = self.window(most_buckets)
        length = shown.end - shown.start
        return Window(shown.start - length, shown.end, length)

    def window(self, most_buckets: int = 120, shortest: timedelta = MINUTE) -> Window:
        """The range in whole buckets: the shortest round length of which there are at most so many.

        Widened to whole buckets at both ends; roll-ups can only be read in whole minutes.
        """
        fitting = (one for one in BUCKETS if one >= shortest and self.length <= most_buckets * one)
        interval = next(fitting, BUCKETS[-1])
        start = self.start - (self.start - EPOCH) % interval
        end = self.end + (EPOCH - self.end) % interval
        return Window(start, max(end, start + interval), interval)


def parse(
    parameters: Mapping[str, str], now: datetime, zone: tzinfo = UTC, default: str = DEFAULT
) -> TimeRange:
    """`range=1h` or `range=today`, or `start` and `end` (RFC 3339; without a zone: in `zone=`, else the reader's).

    Raises InvalidTimeRange.
    """
    start, end = parameters.get("start", ""), parameters.get("end", "")
    if not start and not end:
        preset = parameters.get("range", "") or default
        if preset in DAYS_AGO:
            return _day(preset, now, _zone(parameters["zone"]) if parameters.get("zone") else zone)
        if preset not in PRESETS:
            raise InvalidTimeRange(f"There is no time range {preset[:20]!r}.")
        return TimeRange.of_preset(preset, now)
    named = parameters.get("zone", "")
    zone = _zone(named) if named else zone
    last = _moment(end, "end", zone) if end else now
    first = _moment(start, "start", zone) if start else last - PRESETS[default][1]
    if last - first < SHORTEST:
        raise InvalidTimeRange("The end has to be later than the start.")
    if last - first > LONGEST:
        raise InvalidTimeRange("A time range has at most ten years.")
    return TimeRange(first, last)


def _day(preset: str, now: datetime, zone: tzinfo) -> TimeRange:
    """From midnight to midnight, of as many hours as the clocks there make of it; not beyond now."""
    day = now.astimezone(zone).date() - timedelta(days=DAYS_AGO[preset][1])
    start, end = (
        datetime.combine(one, time.min, zone).astimezone(UTC) for one in (day, day + timedelta(days=1))
    )
    return TimeRange(start, max(min(end, now), start + SHORTEST), preset)


def _moment(text: str, name: str, zone: tzinfo) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.replace(tzinfo=zone) if moment.tzinfo is None else moment
        if not EARLIEST <= moment <= LATEST:
            raise ValueError("out of range")
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidTimeRange(f"The {name} is not a time: write it like 2026-01-31T14:30.") from None


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        # KeyError: unknown; ValueError: not a zone's name at all; OSError: the name of a folder of zones.
        raise InvalidTimeRange(f"There is no time zone {name[:40]!r}.") from None


def _url_text(moment: datetime) -> str:
    text = moment.astimezone(UTC).isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z")
