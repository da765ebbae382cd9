"""The chart of a backtest as plain figures, drawn as SVG by the template: lines, limits, states."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import groupby

from alerting.backtest.run import Backtest
from alerting.backtest.tally import Status
from alerting.backtest.tracks import Track
from alerting.sources.samples import LabelSet
from alerting.values import value_text
from metrics.chart import LARGEST, Tick, levels_around, path_of, round_times, split_at_gaps
from projects import figures
from projects.figures import RATIO
from projects.pages.reach import side_of

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 28
TEXT_HEIGHT = 16
MAX_LINES = 8
DRAWN_STEPS = 400
LISTED_STEPS = 48

_WORDS: dict[Status, str] = {"pending": "Pending", "firing": "Firing"}


@dataclass(frozen=True, slots=True)
class Line:
    name: str
    paths: Sequence[str]


@dataclass(frozen=True, slots=True)
class Band:
    """A piece of the time axis in which some label set had the status."""

    status: Status
    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Limit:
    """A dashed line; `kind` is threshold, critical or recovery. Its text may stand a bit away from it.

    `is_far`: only the text, at the edge that the limit lies beyond.
    """

    kind: str
    y: float
    text: str
    text_y: float
    is_far: bool


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table beside the chart: what each of its lines has from `at` on."""

    at: datetime
    values: Sequence[str]


@dataclass(frozen=True, slots=True)
class RuleChart:
    """`step_text` is the time that one drawn value stands for: the worst one is drawn."""

    lines: Sequence[Line]
    other_count: int
    bands: Sequence[Band]
    limits: Sequence[Limit]
    x_ticks: Sequence[Tick]
    y_ticks: Sequence[Tick]
    rows: Sequence[Row]
    step_text: str
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    top: int = TOP
    right_edge: int = WIDTH - RIGHT
    bottom_edge: int = HEIGHT - BOTTOM

    @property
    def inner_height(self) -> int:
        return self.bottom_edge - self.top

    @property
    def statuses(self) -> Sequence[Status]:
        """Those that the bands show."""
        return sorted({band.status for band in self.bands}, reverse=True)


@dataclass(frozen=True, slots=True)
class _Scale:
    start: datetime
    end: datetime
    levels: Sequence[float]

    def x(self, moment: datetime) -> float:
        seconds = (self.end - self.start).total_seconds()
        return LEFT + (moment - self.start).total_seconds() / seconds * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        bottom, top = self.levels[0], self.levels[-1]
        return HEIGHT - BOTTOM - (value - bottom) / (top - bottom) * (HEIGHT - TOP - BOTTOM)


def rule_chart(found: Backtest, zone: tzinfo) -> RuleChart | None:
    """The label sets that fired longest, else those with the worst values; None where nothing can be drawn.

    Times on its axis are those of the zone.
    """
    worst = _worst_of(found)
    chosen = _chosen(found, worst)
    drawn = {labels: _thinned(found, found.tracks.by_labels[labels], DRAWN_STEPS, worst) for labels in chosen}
    values = [value for points in drawn.values() for _, value in points]
    if not values:
        return None
    limits = _limits(found)
    lowest, highest = min(0.0, *values), max(0.0, *values)
    enclosed = [lowest, highest, *(value for _, value in limits if not side_of(value, lowest, highest))]
    scale = _Scale(found.period.start, found.period.end, levels_around(min(enclosed), max(enclosed)))
    unit = found.rule.state.unit
    return RuleChart(
        lines=[
            Line(_name(labels), [_path(scale, part) for part in split_at_gaps(points)] if points else [])
            for labels, points in drawn.items()
        ],
        other_count=len(found.tracks.by_labels) - len(chosen),
        bands=[*_bands(found, scale, "pending"), *_bands(found, scale, "firing")],
        limits=_placed(limits, scale, unit),
        x_ticks=[Tick(scale.x(at), text) for at, text in round_times(scale.start, scale.end, zone)],
        y_ticks=[Tick(scale.y(level), _number(level, unit)) for level in scale.levels],
        rows=_rows(found, chosen, worst),
        step_text=figures.duration(_stride(found, DRAWN_STEPS) * found.period.step_seconds * 1000),
    )


def _worst_of(found: Backtest) -> Callable[[Iterable[float]], float]:
    return min if found.rule.state.operator in {"<", "<="} else max


def _chosen(found: Backtest, worst: Callable[[Iterable[float]], float]) -> list[LabelSet]:
    sums = found.tally.by_labels()
    sign = -1 if worst is max else 1

    def order(item: tuple[LabelSet, Track]) -> tuple[float, float, LabelSet]:
        labels, track = item
        minutes = sums[labels].minutes_firing if labels in sums else 0.0
        return (
            -minutes,
            sign * worst([value for value in track.numbers() if math.isfinite(value)] or [0.0]),
            labels,
        )

    return [labels for labels, _ in sorted(found.tracks.by_labels.items(), key=order)[:MAX_LINES]]


def _stride(found: Backtest, most: int) -> int:
    return -(-found.tracks.step_count // most) or 1


def _thinned(
    found: Backtest, track: Track, most: int, worst: Callable[[Iterable[float]], float]
) -> list[tuple[datetime, float]]:
    """The worst value of each of at most so many pieces of the period; pieces without any are left out."""
    stride = _stride(found, most)
    step = timedelta(seconds=found.period.step_seconds)
    numbers = [(at, value) for at, value in track.items() if abs(value) <= LARGEST]
    return [
        (found.period.start + piece * stride * step, worst([value for _, value in pairs]))
        for piece, pairs in groupby(numbers, key=lambda pair: pair[0] // stride)
    ]


def _path(scale: _Scale, points: Sequence[tuple[datetime, float]]) -> str:
    return path_of([(scale.x(at), scale.y(value)) for at, value in points])


def _limits(found: Backtest) -> list[tuple[str, float]]:
    state = found.rule.state
    limits = (
        ("threshold", state.threshold),
        ("critical", state.critical_threshold),
        ("recovery", state.recovery_threshold),
    )
    return [(kind, value) for kind, value in limits if value is not None and abs(value) <= LARGEST]


def _placed(limits: Sequence[tuple[str, float]], scale: _Scale, unit: str) -> list[Limit]:
    """Texts above their lines, further down where they would stand on each other or outside the picture."""
    placed: list[Limit] = []
    lowest = TOP - TEXT_HEIGHT / 2
    for kind, value in sorted(limits, key=lambda limit: -limit[1]):
        bottom, top = scale.levels[0], scale.levels[-1]
        arrow = " ↑" if value > top else " ↓" if value < bottom else ""
        y = scale.y(min(max(value, bottom), top))
        lowest = max(y - 4, lowest + TEXT_HEIGHT)
        placed.append(Limit(kind, y, f"{kind} {value_text(value, unit)}{arrow}", lowest, bool(arrow)))
    return placed


def _bands(found: Backtest, scale: _Scale, status: Status) -> list[Band]:
    """Stretches of all label sets over each other, at least two pixels wide."""
    stretches = sorted(
        (scale.x(one.start), scale.x(one.end)) for one in found.tally.stretches if one.status == status
    )
    merged: list[list[float]] = []
    for left, right in stretches:
        if merged and left <= merged[-1][1] + 1:
            merged[-1][1] = max(merged[-1][1], right)
        else:
            merged.append([left, max(right, left + 2)])
    return [Band(status, left, right - left, _WORDS[status]) for left, right in merged]


def _rows(
    found: Backtest, chosen: Sequence[LabelSet], worst: Callable[[Iterable[float]], float]
) -> list[Row]:
    columns = [
        dict(_thinned(found, found.tracks.by_labels[labels], LISTED_STEPS, worst)) for labels in chosen
    ]
    times = sorted({at for column in columns for at in column})
    return [Row(at, [_number(column.get(at), found.rule.state.unit) for column in columns]) for at in times]


def _number(value: float | None, unit: str) -> str:
    """Rounded, as on axes and in tables."""
    return figures.percent(value) if unit == RATIO else figures.number(value)


def _name(labels: LabelSet) -> str:
    return ", ".join(f"{name}={value}" for name, value in labels) or "value"
