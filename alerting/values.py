"""Numbers that rules measure, and their limits, as people read them everywhere: 93.5, or 18 % where it is a ratio."""

from __future__ import annotations

import math
from typing import Final

from projects.figures import RATIO

PERCENT: Final = "%"
_RATIO_NAMES = ("_ratio", ".ratio", "_utilization", ".utilization")
"""How OpenTelemetry's and Prometheus' conventions end the names of metrics from 0 to 1."""


def is_ratio_by_name(metric: str, threshold: float) -> bool:
    """Whether a metric without a unit of its own is a ratio; a limit above 1 says that it is sent as percent."""
    return metric.endswith(_RATIO_NAMES) and abs(threshold) <= 1


def format_number(value: float) -> str:
    """A number for people: four significant digits, and one decimal where the whole part alone has more."""
    if not math.isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    digits = max(4, min(15, len(str(int(abs(value)))) + 1))
    return f"{value:.{digits}g}"


def value_text(value: float | None, unit: str = "") -> str:
    """The number, in percent where the unit is a ratio or percent; other units stand in the rule's sentence."""
    if value is None:
        return "no data"
    if unit not in (RATIO, PERCENT) or not math.isfinite(value):
        return format_number(value)
    return f"{format_number(100 * value if unit == RATIO else value)} %"
