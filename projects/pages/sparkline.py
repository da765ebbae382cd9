"""A line as small as a word: how a number went, beside the number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 100, 24
_TOP = 2
"""Room above the highest value, or half of the line's width would be cut off."""


@dataclass(frozen=True, slots=True)
class Sparkline:
    """SVG paths in a box of WIDTH by HEIGHT: the line, and the area below it down to zero."""

    line: str
    area: str


def sparkline(values: Sequence[float | None]) -> Sparkline | None:
    """Evenly spaced values from zero up; None is a gap. No picture where fewer than two values are known."""
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return None
    step = WIDTH / (len(values) - 1)
    scale = (HEIGHT - _TOP) / (max(known) or 1)
    line, area = "", ""
    for stretch in _stretches(values):
        points = [(step * place, HEIGHT - scale * max(value, 0)) for place, value in stretch]
        if len(points) == 1:
            # A lone value is a dash, since a point has no length to be seen by.
            (x, y) = points[0]
            points = [(max(x - step / 2, 0), y), (min(x + step / 2, WIDTH), y)]
        drawn = "L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        line += f"M{drawn}"
        area += f"M{points[0][0]:.1f} {HEIGHT}L{drawn}L{points[-1][0]:.1f} {HEIGHT}Z"
    return Sparkline(line, area)


def _stretches(values: Sequence[float | None]) -> list[list[tuple[int, float]]]:
    """The values with their places, cut at the gaps."""
    found: list[list[tuple[int, float]]] = [[]]
    for place, value in enumerate(values):
        if value is not None:
            found[-1].append((place, value))
        elif found[-1]:
            found.append([])
    return [stretch for stretch in found if stretch]
