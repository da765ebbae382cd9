"""Numbers, durations and times as people read them: 1.23 k, 12.5 ms, 3 h ago with the exact time on hover."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Final

from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects.pages.zones import zone_name

_PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))
_AGES = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))
_DURATIONS_MS = ((3_600_000, "h"), (60_000, "min"), (1000, "s"), (1, "ms"))
NOTHING = "-"

RATIO: Final = "ratio"
"""The unit of a share of something, from 0 to 1: people read it as percent."""


def number(value: float | None) -> str:
    """Three digits and a prefix: 1234 is 1.23 k."""
    if value is None:
        return NOTHING
    if not math.isfinite(value):
        return str(value)
    for factor, prefix in _PREFIXES:
        # What rounds up to the next prefix takes it: 999,999 is 1 M.
        if abs(value) >= factor * 0.9995 and abs(value) < 1e18:
            return f"{value / factor:.3g} {prefix}"
    return f"{value:.3g}"


def percent(ratio: float | None) -> str:
    """A share from 0 to 1 as 2.5 %."""
    if ratio is None:
        return NOTHING
    return (
        f"{100 * ratio:.3g} %" if abs(ratio) < 10 or not math.isfinite(ratio) else f"{number(100 * ratio)} %"
    )


def size(byte_count: int) -> str:
    """1.23 MB, in steps of 1000."""
    text = number(byte_count)
    return f"{text}B" if text[-1:].isalpha() else f"{text} B"


def duration(milliseconds: float | None) -> str:
    """12.5 ms, 1.93 s, 2.1 min: three digits and the largest unit that fits."""
    if milliseconds is None:
        return NOTHING
    for factor, unit in _DURATIONS_MS:
        if milliseconds >= factor:
            return f"{number(milliseconds / factor)} {unit}"
    return f"{milliseconds:.3g} ms"


def length(between: timedelta) -> str:
    """`duration` of what lies between two moments; 0 s where that is nothing."""
    return duration(between / timedelta(milliseconds=1)) if between else "0 s"


def rate(per_second: float) -> str:
    """1.2 k/s; slow ones by the minute or hour, since nobody feels 0.0003 per second."""
    for factor, unit in ((1, "s"), (60, "min")):
        if per_second * factor >= 1:
            return f"{number(per_second * factor)}/{unit}"
    return f"{number(per_second * 3600)}/h" if per_second > 0 else "0/s"


def age(moment: datetime, now: datetime) -> str:
    """3 h ago; what lies ahead is "in 3 h"."""
    seconds = (now - moment) / timedelta(seconds=1)
    for size, unit in _AGES:
        if abs(seconds) >= size:
            text = f"{abs(seconds) // size:.0f} {unit}"
            return f"{text} ago" if seconds > 0 else f"in {text}"
    return "now"


def age_html(moment: datetime, now: datetime) -> SafeString:
    """Hovering tells the exact time, in the zone that is in force."""
    exact = timezone.localtime(moment)
    zone = zone_name(timezone.get_current_timezone())
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        moment.astimezone(UTC).isoformat(),
        f"{exact:%Y-%m-%d %H:%M:%S} {zone}",
        age(moment, now),
    )
