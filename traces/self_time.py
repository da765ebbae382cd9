"""How long spans worked themselves: their duration without the time in which any of their children ran."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from traces.tree import Node, preorder


def self_times_ms(roots: Iterable[Node], origin: datetime) -> dict[Node, float]:
    """Milliseconds by span, of all spans under the roots; 0 to the span's duration."""
    return {node: _self_time_ms(node, origin) for node in preorder(roots)}


def _self_time_ms(node: Node, origin: datetime) -> float:
    start, end = node.offsets_ms(origin)
    stretches = sorted(child.offsets_ms(origin) for child in node.children)
    covered, reached = 0.0, start
    for child_start, child_end in stretches:
        # Children run beside each other, and beyond their parent: each moment inside it counts once.
        until = min(child_end, end)
        covered += max(until - max(child_start, reached), 0.0)
        reached = max(reached, until)
    return max(node.span.duration_ms - covered, 0.0)
