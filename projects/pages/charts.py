"""Charts over time as plain figures for plotly.js, each with the same numbers as a table.

The script draws them; colours that mean a state are written as the style sheet's variables, so that light and dark
pages have their own.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from itertools import zip_longest
from typing import Any, Literal

from projects import figures
from projects.figures import RATIO
from projects.pages.reach import side_of

MAX_LINES = 8
"""More lines than this nobody tells apart."""

LARGEST = 1e300
"""Beyond it (and for infinities and NaN) the arithmetic of axes overflows; such values are gaps."""

# Okabe and Ito's list, which colour-blind people tell apart; states have colours of their own.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#8a7f00", "#7f7f7f")

Kind = Literal["lines", "bars", "stacked", "dots"]
Points = Sequence[tuple[datetime, float | None]]


@dataclass(frozen=True, slots=True)
class Line:
    """Values over time; None is a gap. `state` (critical, error, warning, info, good, quiet) colours what means one."""

    name: str
    points: Points
    state: str = ""
    dashed: bool = False
    urls: Sequence[str] = ()
    """Where each point leads, where they lead anywhere."""
    texts: Sequence[str] = ()
    """What each point is, said on hover."""
    dots: bool = False
    """Single points, whatever the chart's kind is."""
    colour: int | None = None
    """Which of COLOURS; by the line's place where it is None."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A dashed line across."""

    value: float
    label: str
    state: str = "warning"


@dataclass(frozen=True, slots=True)
class Band:
    """A shaded stretch of time, such as an alert's episode."""

    start: datetime
    end: datetime
    label: str
    state: str = "warning"


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment, such as a deploy."""

    at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Cell:
    """A point in a chart's table: its number as text, and where it leads."""

    text: str
    url: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TimeChart:
    """What a chart shows between `start` and `end`."""

    id: str
    title: str
    lines: Sequence[Line]
    start: datetime
    end: datetime
    unit: str = ""
    kind: Kind = "lines"
    bar_length: timedelta | None = None
    """The stretch after its point's time that a bar covers; None centres bars on their points."""
    zone: tzinfo = UTC
    thresholds: Sequence[Threshold] = ()
    bands: Sequence[Band] = ()
    marks: Sequence[Mark] = ()
    zero_based: bool = True
    logarithmic: bool = False
    zooms: bool = True
    """Whether dragging over it chooses that stretch of time for the whole page."""
    left_out: int = 0
    """Lines that are not drawn: `most(lines)` says how many."""
    height: int = 240
    notes: Sequence[str] = field(default_factory=tuple)
    overlays: Sequence[str] = ()
    """URLs of JSON with more thresholds, bands and marks, which the page's script draws in and lists below."""

    @property
    def figure_id(self) -> str:
        """Of the element that holds the figure."""
        return f"{self.id}-figure"

    @property
    def is_empty(self) -> bool:
        return not any(value is not None for line in self.lines for _, value in line.points)

    @property
    def words(self) -> str:
        """What it shows, for those who don't see it."""
        values = self._drawn
        if not values:
            return f"{self.title}: {'no data' if self.is_empty else 'no number that can be drawn'}"
        unit = f" {self.unit}" if self.unit and self.unit != RATIO else ""
        lowest, highest = self._number(min(values)), self._number(max(values))
        return f"{self.title}: {lowest if lowest == highest else f'from {lowest} to {highest}'}{unit}"

    @property
    def beyond(self) -> list[Threshold]:
        """Thresholds that lie too far away to be drawn."""
        return [limit for limit in self.thresholds if self._side(limit)]

    @property
    def figure(self) -> dict[str, Any]:
        """`data` and `layout` as plotly.js takes them, `page` for our own script."""
        many = len(self.lines) > 1
        traces = [
            self._trace(line, COLOURS[(number if line.colour is None else line.colour) % len(COLOURS)])
            for number, line in enumerate(self.lines)
        ]
        return {
            "data": traces,
            "layout": {
                "height": self.height,
                "showlegend": many,
                "barmode": "relative" if self.kind == "stacked" else "overlay",
                "xaxis": {"type": "date", "range": [self._time(self.start), self._time(self.end)]},
                "yaxis": self._value_axis(),
                "shapes": [
                    *map(self._band, self.bands),
                    *(self._limit(limit) for limit in self.thresholds if not self._side(limit)),
                    *map(self._mark, self.marks),
                ],
                "annotations": [
                    *(self._limit_text(limit) for limit in self.thresholds if not self._side(limit)),
                    *self._far_texts(),
                    *map(self._mark_text, self.marks),
                ],
            },
            "page": {"zooms": self.zooms},
        }

    @property
    def columns(self) -> list[str]:
        unit = f" ({self.unit})" if self.unit and self.unit != RATIO else ""
        return ["Time", *(f"{line.name}{unit}" for line in self.lines)]

    @property
    def rows(self) -> list[tuple[datetime, list[Cell]]]:
        """One a moment, or as many as a line has points at it: the time, and each line's number."""
        by_line = [_cells(line, self._number) for line in self.lines]
        moments = sorted({at for cells in by_line for at in cells})
        nothing = Cell(figures.number(None))
        return [
            (at, list(row))
            for at in moments
            for row in zip_longest(*(cells.get(at, []) for cells in by_line), fillvalue=nothing)
        ]

    @property
    def _drawn(self) -> list[float]:
        """Values that axes can show; others are gaps."""
        points = (value for line in self.lines for _, value in line.points)
        return [value for value in points if value is not None and abs(value) <= LARGEST]

    def _number(self, value: float | None) -> str:
        return figures.percent(value) if self.unit == RATIO else figures.number(value)

    def _side(self, limit: Threshold) -> int:
        """1 where the threshold lies far above what is drawn, -1 where far below, 0 where it can be drawn."""
        if self.logarithmic:
            logarithms = [math.log10(value) for value in self._drawn if value > 0]
            if not logarithms or limit.value <= 0:
                return 0
            return side_of(math.log10(limit.value), min(logarithms), max(logarithms))
        ends = [*self._drawn, *([0.0] if self.zero_based else [])]
        return side_of(limit.value, min(ends, default=0.0), max(ends, default=0.0))

    def _trace(self, line: Line, colour: str) -> dict[str, Any]:
        colour = state_colour(line.state) if line.state else colour
        trace: dict[str, Any] = {
            "name": _plain(line.name),
            "x": [self._time(at) for at, _ in line.points],
            "y": [value if value is not None and abs(value) <= LARGEST else None for _, value in line.points],
        }
        if line.urls:
            trace["customdata"] = list(line.urls)
        if line.texts:
            trace["text"] = [_plain(text) for text in line.texts]
        if self.kind in ("bars", "stacked") and not line.dots:
            return trace | {"type": "bar", "marker": {"color": colour}} | self._bar_place()
        if self.kind == "dots" or line.dots:
            # By colour alone those who don't see it would not tell what failed.
            symbol = "x" if line.state in ("critical", "error") else "circle"
            return trace | {
                "type": "scatter",
                "mode": "markers",
                "marker": {"color": colour, "size": 7, "symbol": symbol},
            }
        # Lone points have no line to be seen by.
        mode = "lines" if len(line.points) > 2 and not _has_lone_points(trace["y"]) else "lines+markers"
        dash = "dash" if line.dashed else "solid"
        drawn = {"color": colour, "width": 2, "dash": dash}
        return trace | {
            "type": "scatter",
            "mode": mode,
            "line": drawn,
            "marker": {"color": colour, "size": 4},
        }

    def _bar_place(self) -> dict[str, float]:
        if self.bar_length is None:
            return {}
        # Nine tenths, so that there is a gap between bars.
        return {"offset": 0, "width": self.bar_length / timedelta(milliseconds=1) * 0.9}

    def _value_axis(self) -> dict[str, Any]:
        axis: dict[str, Any] = {"title": {"text": _plain(self.unit)}}
        if self.unit == RATIO:
            axis = {"title": {"text": ""}, "tickformat": ".3~%", "hoverformat": ".4~%"}
        if self.logarithmic:
            return axis | {"type": "log"}
        return axis | ({"rangemode": "tozero"} if self.zero_based else {})

    def _band(self, band: Band) -> dict[str, Any]:
        return {
            "type": "rect", "xref": "x", "yref": "paper", "y0": 0, "y1": 1,
            "x0": self._time(max(band.start, self.start)), "x1": self._time(min(band.end, self.end)),
            "fillcolor": state_colour(band.state), "opacity": 0.15, "line": {"width": 0}, "layer": "below",
        }  # fmt: skip

    def _limit(self, limit: Threshold) -> dict[str, Any]:
        return {
            "type": "line", "xref": "paper", "yref": "y", "x0": 0, "x1": 1, "y0": limit.value, "y1": limit.value,
            "line": {"color": state_colour(limit.state), "width": 1.5, "dash": "dash"},
        }  # fmt: skip

    def _limit_text(self, limit: Threshold) -> dict[str, Any]:
        height = math.log10(limit.value) if self.logarithmic and limit.value > 0 else limit.value
        return {
            "xref": "paper", "yref": "y", "x": 1, "y": height, "text": _plain(limit.label), "showarrow": False,
            "xanchor": "right", "yanchor": "bottom", "font": {"color": state_colour(limit.state), "size": 11},
        }  # fmt: skip

    def _far_texts(self) -> Iterator[dict[str, Any]]:
        """At the edges that thresholds lie beyond, clear of each other."""
        for is_above in (True, False):
            there = [limit for limit in self.beyond if (self._side(limit) > 0) is is_above]
            yield from (self._far_text(limit, is_above, place) for place, limit in enumerate(there))

    def _far_text(self, limit: Threshold, is_above: bool, place: int) -> dict[str, Any]:
        return {
            "xref": "paper", "yref": "paper", "x": 1, "y": 1 if is_above else 0, "xanchor": "right",
            "yanchor": "top" if is_above else "bottom", "yshift": -14 * place if is_above else 14 * place,
            "text": _plain(f"{'↑' if is_above else '↓'} {limit.label}"), "showarrow": False,
            "font": {"color": state_colour(limit.state), "size": 11},
        }  # fmt: skip

    def _mark(self, mark: Mark) -> dict[str, Any]:
        at = self._time(mark.at)
        return {
            "type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0, "y1": 1,
            "line": {"color": state_colour("quiet"), "width": 1, "dash": "dot"},
        }  # fmt: skip

    def _mark_text(self, mark: Mark) -> dict[str, Any]:
        return {
            "name": "mark", "xref": "x", "yref": "paper", "x": self._time(mark.at), "y": 1,
            "text": _plain(mark.label), "showarrow": False, "xanchor": "left", "yanchor": "top",
            "font": {"color": state_colour("quiet"), "size": 11},
        }  # fmt: skip

    def _time(self, moment: datetime) -> str:
        """plotly.js knows no zones: the reader's clock, without its name."""
        return moment.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]


def most(lines: Iterable[Line], count: int = MAX_LINES) -> tuple[list[Line], int]:
    """The lines with the highest values, and how many others there are."""

    def weight(line: Line) -> float:
        return max((abs(value) for _, value in line.points if value is not None), default=0.0)

    ordered = sorted(lines, key=lambda line: (-weight(line), line.name))
    return ordered[:count], max(len(ordered) - count, 0)


def state_colour(state: str) -> str:
    return f"var(--state-{state})"


def _cells(line: Line, number_text: Callable[[float | None], str]) -> dict[datetime, list[Cell]]:
    """A line's points by their moments; dots may share one."""
    found: dict[datetime, list[Cell]] = {}
    for number, (at, value) in enumerate(line.points):
        url = line.urls[number] if number < len(line.urls) else ""
        found.setdefault(at, []).append(Cell(number_text(value), url))
    return found


def _plain(text: str) -> str:
    """plotly.js reads a little HTML in texts; ours come from telemetry, too."""
    return text[:150].replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _has_lone_points(values: Sequence[float | None]) -> bool:
    padded = [None, *values, None]
    return any(
        here is not None and before is None and after is None
        for before, here, after in zip(padded, padded[1:], padded[2:], strict=False)
    )
