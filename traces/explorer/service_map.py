"""The map of services as a picture: boxes and arrows with their numbers, placed. Pure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from projects import figures
from traces.explorer.layered_layout import BOX_HEIGHT, BOX_WIDTH, LAYER_GAP, Layout, Place, layout
from traces.explorer.service_calls import Edge
from traces.explorer.services import Service
from traces.service_state import FAILING_RATIO, ServiceState

MOST_BOXES, MOST_ARROWS = 40, 120
MARGIN = 16
LABEL_HEIGHT = 30
LETTER_WIDTH = 6.4
"""Of labels, on average, in pixels."""
SMALLEST_SCALE = 0.85
"""Of the picture where the page is narrow; smaller letters can't be read, and one scrolls."""
LONGEST_NAME = 20


@dataclass(frozen=True, slots=True)
class Box:
    """A service; `service` is None where it sends no spans, and only others' spans name it."""

    name: str
    service: Service | None
    place: Place

    @property
    def shown_name(self) -> str:
        return self.name if len(self.name) <= LONGEST_NAME else f"{self.name[: LONGEST_NAME - 1]}\u2026"

    @property
    def state(self) -> ServiceState:
        return self.service.state if self.service else ServiceState.UNKNOWN

    @property
    def word(self) -> str:
        return self.service.state.word if self.service else "sends no spans"

    @property
    def numbers(self) -> str:
        """Rate and p95."""
        if self.service is None:
            return ""
        per_second, p95_ms = self.service.rate_per_second, self.service.numbers.p95_ms
        return f"{figures.rate(per_second)} \u00b7 {figures.duration(p95_ms)}"


@dataclass(frozen=True, slots=True)
class Arrow:
    """Calls between two boxes: an SVG path, its width in pixels, and where the middle of its label is."""

    edge: Edge
    path: str
    width: float
    label_x: float
    label_y: float

    @property
    def tone(self) -> str:
        return "error" if self.edge.error_ratio >= FAILING_RATIO else "quiet"

    @property
    def rate(self) -> str:
        return figures.rate(self.edge.rate_per_second)

    @property
    def label_width(self) -> float:
        """In pixels, with a little room, to keep the lines off the letters."""
        return LETTER_WIDTH * max(len(self.rate), len(self.outcome)) + 6

    @property
    def label_left(self) -> float:
        return self.label_x - self.label_width / 2

    @property
    def label_top(self) -> float:
        return self.label_y - LABEL_HEIGHT / 2

    @property
    def outcome(self) -> str:
        """Share of errors, if any, and p95."""
        failed = f"! {self.edge.error_ratio * 100:.2g} % \u00b7 " if self.edge.error_count else ""
        return f"{failed}{figures.duration(self.edge.p95_ms)}"


@dataclass(frozen=True, slots=True)
class Picture:
    """`left_out`: services that are not drawn."""

    boxes: Sequence[Box]
    arrows: Sequence[Arrow]
    width: int
    height: int
    left_out: int

    @property
    def least_width(self) -> int:
        """Down to which it shrinks where the page is narrow, in pixels."""
        return math.ceil(self.width * SMALLEST_SCALE)


def picture(services: Sequence[Service], edges: Sequence[Edge]) -> Picture:
    """The services that call most or are busiest, as many as a picture holds."""
    by_name = {service.name: service for service in services}
    names = _drawn(by_name, edges)
    edges = [edge for edge in edges if edge.caller in names and edge.callee in names][:MOST_ARROWS]
    placed = layout(names, [(edge.caller, edge.callee) for edge in edges])
    boxes = [Box(name, by_name.get(name), _inside(placed.places[name])) for name in names]
    known = {*by_name, *(name for edge in edges for name in (edge.caller, edge.callee))}
    return Picture(
        boxes,
        _arrows(edges, placed),
        math.ceil(placed.width) + 2 * MARGIN,
        math.ceil(placed.height) + 2 * MARGIN + BOX_HEIGHT // 2,
        len(known) - len(names),
    )


def spread(heights: Sequence[float], least: float) -> list[float]:
    """The same heights with at least so much between any two, each moved down as little as that takes."""
    moved = list(heights)
    lowest = -math.inf
    for index in sorted(range(len(heights)), key=lambda number: heights[number]):
        moved[index] = max(heights[index], lowest + least)
        lowest = moved[index]
    return moved


def _drawn(services: Mapping[str, Service], edges: Sequence[Edge]) -> list[str]:
    """Those with the most calls first, then the busiest of the others."""
    connected = dict.fromkeys(name for edge in edges for name in (edge.caller, edge.callee))
    alone = sorted(services.values(), key=lambda service: (-service.rate_per_second, service.name))
    return list(dict.fromkeys([*connected, *(service.name for service in alone)]))[:MOST_BOXES]


def _arrows(edges: Collection[Edge], placed: Layout) -> list[Arrow]:
    arrows = [_arrow(edge, placed.places[edge.caller], placed.places[edge.callee]) for edge in edges]
    columns: dict[float, list[int]] = {}
    for number, arrow in enumerate(arrows):
        columns.setdefault(arrow.label_x, []).append(number)
    for numbers in columns.values():
        heights = spread([arrows[number].label_y for number in numbers], LABEL_HEIGHT)
        for number, height in zip(numbers, heights, strict=True):
            arrow = arrows[number]
            arrows[number] = Arrow(arrow.edge, arrow.path, arrow.width, arrow.label_x, height)
    return arrows


def _arrow(edge: Edge, caller: Place, callee: Place) -> Arrow:
    """From the right side of the caller to the left side of the callee; back again in a bow below."""
    start, end = _inside(caller), _inside(callee)
    width = 1 + min(math.log10(1 + edge.call_count), 4)
    if end.x > start.x:
        x0, x1 = start.x + BOX_WIDTH, end.x - 6
        bend = (x1 - x0) / 2
        y0, y1 = start.middle_y, end.middle_y
        path = _curve((x0, y0), (x0 + bend, y0), (x1 - bend, y1), (x1, y1))
        # In the gap before the callee, where no box lies under it.
        share = 1 - LAYER_GAP / 2 / (x1 - x0)
        height = y0 + (y1 - y0) * _s_curve(share)
        return Arrow(edge, path, width, end.x - LAYER_GAP / 2, height)
    x0, x1 = start.x + BOX_WIDTH / 2, end.x + BOX_WIDTH / 2
    low = max(start.y, end.y) + BOX_HEIGHT
    deep = low + 40
    path = _curve((x0, start.y + BOX_HEIGHT), (x0, deep), (x1, deep), (x1, end.y + BOX_HEIGHT + 6))
    return Arrow(edge, path, width, (x0 + x1) / 2, low + 26)


def _curve(*points: tuple[float, float]) -> str:
    """A cubic curve from the first point to the last, pulled towards those between."""
    first, *others = (f"{x:.1f},{y:.1f}" for x, y in points)
    return f"M{first} C{' '.join(others)}"


def _s_curve(share: float) -> float:
    """How far down a curve is that begins and ends level."""
    return share * share * (3 - 2 * share)


def _inside(place: Place) -> Place:
    return Place(place.x + MARGIN, place.y + MARGIN)
