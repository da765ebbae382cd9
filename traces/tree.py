"""A trace as a tree, whatever its spans say about their parents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from traces.models import Span

MILLISECOND = timedelta(milliseconds=1)


@dataclass(slots=True, eq=False)
class Node:
    """A span with its children, earliest first; roots have depth 0 and no parent."""

    span: Span
    depth: int = 0
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    def offsets_ms(self, origin: datetime) -> tuple[float, float]:
        """Its start and end in milliseconds since the origin."""
        start_ms = (self.span.start_time - origin) / MILLISECOND
        return start_ms, start_ms + self.span.duration_ms


def build_forest(spans: Iterable[Span]) -> list[Node]:
    """The roots, earliest first; every span is in exactly one place.

    A span whose parent isn't there is a root. Of a ring of parents the earliest span is the root. Where several spans
    have one id (a retry, or client and server sharing it) children hang on the earliest.
    """
    nodes = [Node(span) for span in sorted(spans, key=_by_start)]
    earliest: dict[str, Node] = {}
    for node in nodes:
        earliest.setdefault(node.span.span_id, node)
    orphans: list[Node] = []
    claimed: dict[int, list[Node]] = {}
    for node in nodes:
        parent = earliest.get(node.span.parent_span_id or "")
        (orphans if parent is None else claimed.setdefault(id(parent), [])).append(node)
    placed: set[int] = set()
    roots: list[Node] = []
    # After the true roots only rings are left unplaced.
    for node in orphans + nodes:
        if id(node) not in placed:
            roots.append(node)
            _place(node, claimed, placed)
    return sorted(roots, key=lambda root: _by_start(root.span))


def _by_start(span: Span) -> tuple[datetime, str]:
    return span.start_time, span.span_id


def _place(root: Node, claimed: dict[int, list[Node]], placed: set[int]) -> None:
    """Hang all that descends from a root under it; a loop and not a recursion, for chains are as long as they like."""
    placed.add(id(root))
    waiting = [root]
    while waiting:
        node = waiting.pop()
        for child in claimed.get(id(node), ()):
            if id(child) not in placed:
                placed.add(id(child))
                child.parent, child.depth = node, node.depth + 1
                node.children.append(child)
                waiting.append(child)


def breadth_first(roots: Iterable[Node]) -> Iterator[Node]:
    """All nodes, those nearest to the roots first."""
    level = list(roots)
    while level:
        yield from level
        level = [child for node in level for child in node.children]


def preorder(roots: Iterable[Node]) -> Iterator[Node]:
    """All nodes, each before its children: the order of a waterfall."""
    waiting = list(roots)[::-1]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(reversed(node.children))
