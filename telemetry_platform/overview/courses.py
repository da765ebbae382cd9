"""How one number went: over the period shown, over the one before, and by bucket. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

SAME = "same as before"
MANY_TIMES = 10


@dataclass(frozen=True, slots=True)
class Course:
    """None: nothing is known of that time. `by_bucket` is of the period shown."""

    now: float | None
    before: float | None
    by_bucket: Sequence[float | None]

    @property
    def is_unknown(self) -> bool:
        return self.now is None and self.before is None


def ratio_of(parts: float, wholes: float) -> float | None:
    """None where there is nothing to be part of."""
    return parts / wholes if wholes else None


def change_in_points(course: Course) -> str:
    """A ratio against the period before, in percentage points: "+0.3 points"; empty where one of them is unknown."""
    if course.now is None or course.before is None:
        return ""
    points = 100 * (course.now - course.before)
    digits = 1 if abs(points) < 10 else 0
    return SAME if abs(points) < 0.05 else f"{points:+.{digits}f} points"


def change_in_percent(course: Course) -> str:
    """The same for what has no upper end: "-12 %", or "14 times" once nobody thinks in percent."""
    if course.now is None or not course.before:
        return ""
    factor = course.now / course.before
    if factor >= MANY_TIMES:
        return f"{factor:.0f} times"
    percent = 100 * (factor - 1)
    return SAME if abs(percent) < 0.5 else f"{percent:+.0f} %"
