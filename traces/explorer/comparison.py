"""Two traces side by side: what each did on the same way from its root, and how long that took. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

from projects import figures
from traces.queries import Trace
from traces.self_time import self_times_ms
from traces.tree import Node, preorder

MAX_ROWS = 500

Side = Literal["a", "b"]


@dataclass(slots=True)
class Totals:
    """Of all spans of one trace with the same way from the root."""

    span_count: int = 0
    error_count: int = 0
    duration_ms: float = 0.0
    self_ms: float = 0.0


@dataclass(slots=True, eq=False)
class Path:
    """A way from the root, told by service and operation of each step; `children` go one step on."""

    service_name: str
    operation_name: str
    depth: int
    a: Totals = field(default_factory=Totals)
    b: Totals = field(default_factory=Totals)
    children: dict[tuple[str, str], Path] = field(default_factory=dict)

    @property
    def only_in(self) -> Side | None:
        """The trace that alone has it."""
        if self.a.span_count and self.b.span_count:
            return None
        return "a" if self.a.span_count else "b"

    @property
    def self_difference_ms(self) -> float:
        """Above 0 where b took longer."""
        return self.b.self_ms - self.a.self_ms

    @property
    def difference(self) -> str:
        return signed_duration(self.self_difference_ms)


@dataclass(frozen=True, slots=True)
class Comparison:
    """All paths, in order of the tree."""

    paths: Sequence[Path]
    largest_difference_ms: float

    @property
    def shown(self) -> Sequence[Path]:
        """Those that a page has room for; of more, those that differ most, in the same order."""
        if len(self.paths) <= MAX_ROWS:
            return self.paths
        telling = sorted(self.paths, key=lambda path: -abs(path.self_difference_ms))[:MAX_ROWS]
        kept = set(telling)
        return [path for path in self.paths if path in kept]

    def share(self, path: Path) -> float:
        """The difference of the time it worked itself, -100 to 100 percent of the largest."""
        return path.self_difference_ms / (self.largest_difference_ms or 1.0) * 100


def signed_duration(milliseconds: float) -> str:
    """+12.5 ms, -1.93 s"""
    sign = "+" if milliseconds > 0 else "-" if milliseconds < 0 else ""
    return f"{sign}{figures.duration(abs(milliseconds))}"


def compare(a: Trace, b: Trace) -> Comparison:
    """Paths of a first, in order of their first span; what only b has follows its siblings."""
    root = Path("", "", -1)
    _add(root, a, "a")
    _add(root, b, "b")
    paths = list(_walk(root))
    largest = max((abs(path.self_difference_ms) for path in paths), default=0.0)
    return Comparison(paths, largest)


def _add(root: Path, trace: Trace, side: Side) -> None:
    own = self_times_ms(trace.roots, trace.start_time)
    path_of: dict[Node, Path] = {}
    for node in preorder(trace.roots):
        above = path_of[node.parent] if node.parent else root
        step = (node.span.service_name, node.span.operation_name)
        path = path_of[node] = above.children.setdefault(step, Path(*step, above.depth + 1))
        totals = path.a if side == "a" else path.b
        totals.span_count += 1
        totals.error_count += node.span.status == "error"
        totals.duration_ms += node.span.duration_ms
        totals.self_ms += own[node]


def _walk(root: Path) -> Iterator[Path]:
    """All paths below, each before its children; a loop, for they are as deep as the traces."""
    waiting = list(root.children.values())[::-1]
    while waiting:
        path = waiting.pop()
        yield path
        waiting.extend(list(path.children.values())[::-1])
