"""Charts of usage. Days are UTC, and so are their axes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from analytics.usage.active import ActiveDay
from analytics.usage.adoption import AdoptionPeriod, DayBin
from analytics.usage.lifecycle import LifecyclePeriod
from analytics.usage.periods import Periods
from projects.figures import RATIO
from projects.pages.charts import Line, TimeChart

_COMPARED = 7
"""Days between the day of the tiles and the one it is compared with: the same day of the week before."""


@dataclass(frozen=True, slots=True)
class Tile:
    """A number of one day, and by how much it changed in a week, in words; empty where that can't be said."""

    words: str
    value: float | None
    is_ratio: bool
    change: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar of a distribution; `share` is of the longest one."""

    words: str
    count: int
    share: float


def tiles(days: Sequence[ActiveDay]) -> tuple[datetime | None, list[Tile]]:
    """The last day, and its numbers."""
    if not days:
        return None, []
    last = days[-1]
    earlier = days[-1 - _COMPARED] if len(days) > _COMPARED else None
    names = {"daily": "Daily", "weekly": "Weekly", "monthly": "Monthly", "stickiness_ratio": "Stickiness"}
    return last["day"], [
        _tile(words, _number(last, name), _number(earlier, name) if earlier else None, name.endswith("ratio"))
        for name, words in names.items()
    ]


def active_chart(days: Sequence[ActiveDay], periods: Periods) -> TimeChart:
    lines = [
        Line(words, [(day["day"], _number(day, name)) for day in days])
        for name, words in (("monthly", "Monthly"), ("weekly", "Weekly"), ("daily", "Daily"))
    ]
    return _chart("usage-active", "Active people", lines, periods, unit="people")


def stickiness_chart(days: Sequence[ActiveDay], periods: Periods) -> TimeChart:
    points = [(day["day"], day["stickiness_ratio"]) for day in days]
    return _chart(
        "usage-stickiness", "Stickiness", [Line("Daily / monthly", points)], periods, unit=RATIO, height=160
    )


def lifecycle_chart(found: Sequence[LifecyclePeriod], periods: Periods) -> TimeChart:
    """Who is there upwards, who is gone downwards."""
    lines = [
        Line("New", [(one["start"], one["new"]) for one in found], colour=2),
        Line("Returning", [(one["start"], one["returning"]) for one in found], colour=0),
        Line("Resurrecting", [(one["start"], one["resurrecting"]) for one in found], colour=4),
        Line("Dormant", [(one["start"], -one["dormant"]) for one in found], colour=7),
    ]
    length = periods.ends(0) - periods.start
    return TimeChart(
        id="usage-lifecycle",
        title="Lifecycle",
        lines=lines,
        start=periods.start,
        end=periods.end,
        unit="people",
        kind="stacked",
        bar_length=length,
        zone=UTC,
        zooms=False,
        height=320,
    )


def adoption_chart(found: Sequence[AdoptionPeriod], periods: Periods, name: str) -> TimeChart:
    points = [(one["start"], one["adoption_ratio"]) for one in found]
    return _chart("usage-adoption", f"Adoption of {name}", [Line("Adoption", points)], periods, unit=RATIO)


def day_bars(bins: Sequence[DayBin]) -> list[Bar]:
    """How many people took how many days to their first use."""
    most = max((one["people"] for one in bins), default=0) or 1
    return [Bar(_days_in_words(one), one["people"], one["people"] / most) for one in bins]


def _chart(
    name: str, title: str, lines: Sequence[Line], periods: Periods, *, unit: str, height: int = 280
) -> TimeChart:
    return TimeChart(
        id=name,
        title=title,
        lines=lines,
        start=periods.start,
        end=periods.end,
        unit=unit,
        zone=UTC,
        # The axis is in UTC, and what is chosen on it would be taken for the reader's own time.
        zooms=False,
        height=height,
    )


def _tile(words: str, value: float | None, earlier: float | None, is_ratio: bool) -> Tile:
    change = f"{100 * (value - earlier) / earlier:+.3g} %" if value is not None and earlier else ""
    return Tile(words, value, is_ratio, change)


def _number(day: ActiveDay, name: str) -> float | None:
    numbers: dict[str, float | None] = {
        "daily": day["daily"],
        "weekly": day["weekly"],
        "monthly": day["monthly"],
        "stickiness_ratio": day["stickiness_ratio"],
    }
    return numbers[name]


def _days_in_words(one: DayBin) -> str:
    low, high = one["from_days"], one["to_days"]
    if high is None:
        return f"{low} days and more"
    if high - low == 1:
        return "the same day" if low == 0 else f"{low} day{'' if low == 1 else 's'}"
    return f"{low} to {high - 1} days"
