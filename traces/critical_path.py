"""Which spans a trace waited for: whatever shortens one of these stretches shortens the trace, all else has slack.

The rule: go back from the end. At each moment the trace waited for the child that ended last at or before it; from
where that child began, for the sibling that had ended last by then; between children for the span itself. Of a child
counts what lies within its parent: nobody waited for what goes on after it. Several roots are children of the whole,
and the stretches between them belong to nobody.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from traces.tree import Node


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the path and the span it was spent in, in milliseconds since the given origin."""

    node: Node
    start_ms: float
    end_ms: float


def critical_path(roots: Sequence[Node], origin: datetime) -> list[Segment]:
    """The path's stretches, earliest first; none overlap, each lies within its span.

    Under a single root they cover its whole duration. A loop and not a recursion, for chains are as long as they like.
    """
    path: list[Segment] = []
    waiting: list[tuple[Node | None, float, float]] = [(None, -math.inf, math.inf)]
    while waiting:
        node, start, reached = waiting.pop()
        for child, child_start, child_end in _last_ended_first(node, roots, origin, (start, reached)):
            # What still ran when a later sibling began did not hold that one up.
            if child_end > reached:
                continue
            waiting.append((child, child_start, child_end))
            if node and child_end < reached:
                path.append(Segment(node, child_end, reached))
            reached = child_start
        if node and start < reached:
            path.append(Segment(node, start, reached))
    return sorted(path, key=lambda segment: segment.start_ms)


def _last_ended_first(
    node: Node | None, roots: Sequence[Node], origin: datetime, within: tuple[float, float]
) -> list[tuple[Node, float, float]]:
    """As much of each child (of each root, where there is no node) as lies within; the last to end comes first."""
    found = []
    for child in node.children if node else roots:
        start_ms, end_ms = child.offsets_ms(origin)
        start_ms, end_ms = max(start_ms, within[0]), min(end_ms, within[1])
        if start_ms < end_ms:
            found.append((child, start_ms, end_ms))
    return sorted(found, key=lambda stretch: (-stretch[2], stretch[1]))
