"""Quiet hours of a channel: a span of the day, on the clock of a place, in which some severities wait."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """From one time of day to another, over midnight where the end is the earlier; equal ones mean no quiet at all."""

    start: time
    end: time
    time_zone: str
    severities: Collection[str]


def quiet_until(hours: QuietHours, severity: str, now: datetime) -> datetime | None:
    """When the quiet that holds at `now` ends for this severity; None while there is none."""
    if severity not in hours.severities or hours.start == hours.end:
        return None
    try:
        zone = ZoneInfo(hours.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        return None
    local = now.astimezone(zone)
    clock = local.time()
    wraps = hours.end < hours.start
    is_quiet = clock >= hours.start or clock < hours.end if wraps else hours.start <= clock < hours.end
    if not is_quiet:
        return None
    ends_tomorrow = wraps and clock >= hours.start
    day = local.date() + timedelta(days=1 if ends_tomorrow else 0)
    end = datetime.combine(day, hours.end, tzinfo=zone).astimezone(UTC)
    # In the night when the clocks go back, a time that comes twice ends the quiet when it comes again.
    return end if end > now else datetime.combine(day, hours.end.replace(fold=1), tzinfo=zone).astimezone(UTC)


def quiet_errors(start: time | None, end: time | None, time_zone: str) -> dict[str, str]:
    """What is wrong with the quiet hours of a channel, by field; empty when nothing is."""
    if (start is None) != (end is None):
        missing = "quiet_from" if start is None else "quiet_until"
        return {missing: "Quiet hours need both a start and an end."}
    if start is not None and start == end:
        return {"quiet_until": "Must be another time than the start: over midnight it may be the earlier."}
    if time_zone not in available_timezones():
        return {"quiet_timezone": f"There is no time zone {time_zone!r}; one is Europe/Berlin."}
    return {}
