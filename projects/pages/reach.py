"""Whether a chart can show a limit beside its values without flattening them: pure."""

from __future__ import annotations

FAR = 4.0
"""A limit further away than so many times the height of what is drawn is only named at the edge it lies beyond.

`overlays.js` does the same with limits that come later.
"""


def side_of(limit: float, lowest: float, highest: float) -> int:
    """1 where the limit lies far above the values drawn, -1 where far below, 0 where it can be drawn with them."""
    # Halves, as the height between -1e308 and 1e308 overflows.
    half = highest / 2 - lowest / 2
    if not half:
        return 0
    return (limit / 2 - highest / 2 > FAR * half) - (lowest / 2 - limit / 2 > FAR * half)
