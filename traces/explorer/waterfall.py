"""A trace as rows of bars: which spans are drawn, which are folded away, where each lies. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

from projects.pages.charts import COLOURS
from traces.critical_path import Segment
from traces.models import Span
from traces.tree import Node, breadth_first, preorder

MAX_ROWS = 1000
OPEN_ROWS = 150
"""With more rows than this, what is deep and leads neither to an error nor along the critical path is folded."""

MAX_INDENT = 16
NARROWEST_PERCENT = 0.2
MOST_MARKS = 50


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a lane, in percent of the whole."""

    left: float
    width: float


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment of a lane, such as a span's event."""

    left: float
    label: str


@dataclass(slots=True, eq=False)
class Row:
    """One span. `child_count` of its children are drawn under it, `missing_count` spans under it are not."""

    span: Span
    depth: int
    bar: Piece
    colour: str
    child_count: int = 0
    missing_count: int = 0
    is_open: bool = True
    is_hidden: bool = False
    is_match: bool = True
    critical: list[Piece] = field(default_factory=list)
    marks: Sequence[Mark] = ()

    @property
    def is_error(self) -> bool:
        return self.span.status == "error"

    @property
    def indent(self) -> int:
        return min(self.depth, MAX_INDENT)


@dataclass(frozen=True, slots=True)
class Lane:
    """The time that lanes show: from `origin` on, so many milliseconds."""

    origin: datetime
    whole_ms: float

    def piece(self, start_ms: float, end_ms: float) -> Piece:
        """Wide enough to be seen, inside the lane."""
        left = min(max(self._percent(start_ms), 0.0), 100 - NARROWEST_PERCENT)
        width = max(self._percent(end_ms - start_ms), NARROWEST_PERCENT)
        return Piece(round(left, 3), round(min(width, 100 - left), 3))

    def mark(self, at_ms: float, label: str) -> Mark | None:
        """None for what lies outside."""
        percent = self._percent(at_ms)
        return Mark(round(percent, 3), label) if 0 <= percent <= 100 else None

    def _percent(self, milliseconds: float) -> float:
        return milliseconds / (self.whole_ms or 1.0) * 100


Events = Mapping[tuple[str, datetime], Sequence[tuple[float, str]]]
"""Milliseconds since the trace's start and name of each event, by span id and start of its span."""


def choose(roots: Iterable[Node], first: Iterable[Node], limit: int = MAX_ROWS) -> set[Node]:
    """At most so many nodes, each with all its ancestors: what comes first, then those nearest to the roots."""
    chosen: set[Node] = set()
    for node in chain(first, breadth_first(roots)):
        line: list[Node] = []
        above: Node | None = node
        while above and above not in chosen and len(chosen) + len(line) <= limit:
            line.append(above)
            above = above.parent
        if len(chosen) + len(line) <= limit:
            chosen.update(line)
        if len(chosen) == limit:
            break
    return chosen


def draw(
    roots: Sequence[Node],
    shown: AbstractSet[Node],
    lane: Lane,
    *,
    path: Sequence[Segment],
    events: Events,
    is_match: Callable[[Span], bool] | None = None,
) -> list[Row]:
    """The rows of the nodes shown, each before its children. `is_match`: of a filter, under which all is open."""
    colours = colours_of(node.span.service_name for node in preorder(roots))
    rows: dict[Node, Row] = {}
    missing = _missing_under(roots, shown)
    for node in preorder(roots):
        if node not in shown:
            continue
        rows[node] = Row(
            node.span,
            node.depth,
            lane.piece(*node.offsets_ms(lane.origin)),
            colours[node.span.service_name],
            sum(child in shown for child in node.children),
            missing.get(node, 0),
            is_match=is_match is None or is_match(node.span),
            marks=_marks(lane, events.get((node.span.span_id, node.span.start_time), ())),
        )
    for segment in path:
        if row := rows.get(segment.node):
            row.critical.append(lane.piece(segment.start_ms, segment.end_ms))
    if is_match is None and len(rows) > OPEN_ROWS:
        _fold(rows)
    return list(rows.values())


def colours_of(services: Iterable[str]) -> dict[str, str]:
    """A colour each in order of appearance; beyond the list's length they come again."""
    names = list(dict.fromkeys(services))
    return {name: COLOURS[number % len(COLOURS)] for number, name in enumerate(names)}


def _missing_under(roots: Sequence[Node], shown: AbstractSet[Node]) -> dict[Node, int]:
    """By the nearest ancestor that is shown: how many spans under it are not."""
    missing: dict[Node, int] = {}
    keeper: dict[Node, Node] = {}
    for node in preorder(roots):
        if node in shown:
            keeper[node] = node
        elif node.parent in keeper:
            keeper[node] = keeper[node.parent]
            missing[keeper[node]] = missing.get(keeper[node], 0) + 1
    return missing


def _fold(rows: dict[Node, Row]) -> None:
    """Close what is deep and leads neither to an error nor along the critical path; hide what is under it."""
    telling: set[Node] = set()
    for node, row in rows.items():
        above = node.parent if row.is_error or row.critical else None
        while above and above not in telling:
            telling.add(above)
            above = above.parent
    open_depth = _open_depth(node.depth for node in rows)
    for node, row in rows.items():
        row.is_open = node.depth < open_depth or node in telling
        parent = rows.get(node.parent) if node.parent else None
        row.is_hidden = parent is not None and (parent.is_hidden or not parent.is_open)


def _open_depth(depths: Iterable[int]) -> int:
    """How many levels may be open so that about 150 rows are seen; the roots always are."""
    counts = Counter(depths)
    first, seen = min(counts), 0
    for depth in sorted(counts):
        seen += counts[depth]
        if seen > OPEN_ROWS:
            return max(depth - 1, first + 1)
    return max(counts)


def _marks(lane: Lane, events: Sequence[tuple[float, str]]) -> list[Mark]:
    found = (lane.mark(at_ms, name) for at_ms, name in events[:MOST_MARKS])
    return [mark for mark in found if mark]
