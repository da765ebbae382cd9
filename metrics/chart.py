"""A line chart of one series as plain figures, drawn as SVG by the template: no script, no library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import pairwise
from statistics import median

from projects import figures

WIDTH, HEIGHT = 960, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 26
GAP_FACTOR = 3
"""A distance of more than so many usual ones is a gap: nothing is drawn over missing data."""

LARGEST = 1e300
"""Beyond it (and for infinities and NaN) the arithmetic of axes overflows; such points are not drawn."""

_TIME_STEPS = (1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600, 86400, 7 * 86400)

Points = Sequence[tuple[datetime, float]]


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: its distance from the picture's edge and its text."""

    at: float
    text: str


@dataclass(frozen=True, slots=True)
class Chart:
    """SVG path data and axes, in the pixels of a 960 x 240 picture."""

    paths: list[str]
    x_ticks: list[Tick]
    y_ticks: list[Tick]
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right_edge: int = WIDTH - RIGHT
    bottom_edge: int = HEIGHT - BOTTOM


def line_chart(points: Points, zone: tzinfo = UTC) -> Chart | None:
    """Points in order of time by the zone's clock, values from zero; None where nothing can be drawn."""
    drawn = [(moment, value) for moment, value in points if abs(value) <= LARGEST]
    if not drawn:
        return None
    start, end = drawn[0][0], drawn[-1][0]
    seconds = max((end - start).total_seconds(), 1.0)
    levels = levels_around(min(0.0, *(value for _, value in drawn)), max(0.0, *(value for _, value in drawn)))
    bottom, top = levels[0], levels[-1]

    def x(moment: datetime) -> float:
        return LEFT + (moment - start).total_seconds() / seconds * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        share = (value - bottom) / (top - bottom)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    return Chart(
        paths=[path_of([(x(moment), y(value)) for moment, value in part]) for part in split_at_gaps(drawn)],
        x_ticks=[Tick(x(moment), text) for moment, text in round_times(start, end, zone)],
        y_ticks=[Tick(y(level), figures.number(level)) for level in levels],
    )


def split_at_gaps(points: Points) -> list[Points]:
    """The runs of points between gaps."""
    steps = [(later[0] - earlier[0]).total_seconds() for earlier, later in pairwise(points)]
    usual = median(steps) if steps else 0.0
    runs: list[Points] = []
    begin = 0
    for position, step in enumerate(steps, start=1):
        if step > GAP_FACTOR * usual:
            runs.append(points[begin:position])
            begin = position
    return [*runs, points[begin:]]


def path_of(places: list[tuple[float, float]]) -> str:
    corners = " L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    # A lone point is a line without length; its round ends make a dot.
    return f"M{corners}" + (" h0" if len(places) == 1 else "")


def levels_around(low: float, high: float) -> list[float]:
    """Three to six round numbers that enclose both."""
    if low == high:
        return [0.0, 1.0]
    rough = (high - low) / 4
    unit = 10.0 ** math.floor(math.log10(rough)) if rough > 1e-300 else 1e-300
    step = next(factor * unit for factor in (1, 2, 2.5, 5, 10) if factor * unit >= rough)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [level * step for level in range(first, last + 1)]


def round_times(start: datetime, end: datetime, zone: tzinfo = UTC) -> list[tuple[datetime, str]]:
    """At most eight times that are round by the zone's clock at the start, with as much of their text as changes."""
    seconds = (end - start).total_seconds()
    step = next((step for step in _TIME_STEPS if seconds / step <= 8), max(1, math.ceil(seconds / 8)))
    style = "%H:%M:%S" if step < 60 else "%H:%M" if step < 86400 else "%d %b"
    ahead = int((start.astimezone(zone).utcoffset() or timedelta()).total_seconds())
    first = math.ceil((start.timestamp() + ahead) / step) * step - ahead
    moments = [datetime.fromtimestamp(at, zone) for at in range(first, int(end.timestamp()) + 1, step)]
    return [(moment, f"{moment:{style}}") for moment in moments]
