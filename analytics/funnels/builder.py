"""What the builder's fields show of a question, also of one that makes no sense yet. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from analytics.funnels.parsing import MAX_MINUTES
from analytics.funnels.question import Order, Period, Touch
from analytics.units import PERSON

ORDER_WORDS: Mapping[Order, str] = {
    "ordered": "In this order, others may lie between",
    "strict": "In this order, nothing between",
    "any": "In any order",
}
TOUCH_WORDS: Mapping[Touch, str] = {
    "first": "of the first step that has one",
    "last": "of the last step that has one",
    "step": "of step",
}
TREND_WORDS: Mapping[Period, str] = {"day": "By day", "week": "By week"}

_MINUTES = {"days": 1440, "hours": 60, "minutes": 1}


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit as one enters it; "" for none."""

    amount: str = ""
    unit: str = "minutes"


@dataclass(frozen=True, slots=True)
class Entry:
    """A step or an exclusion. `from_step` and `to_step` are of exclusions, "" where they are the first and the last."""

    matcher: str
    """JSON; "" for nothing yet."""
    name: str = ""
    within: Limit = Limit()
    from_step: str = ""
    to_step: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Builder:
    """The fields of the whole builder."""

    steps: Sequence[Entry]
    exclusions: Sequence[Entry]
    order: str
    window: Limit
    unit: str
    breakdown: str
    touch: str
    touched_step: str
    trend: str
    compare: bool


def builder_of(body: Mapping[str, Any]) -> Builder:
    """What can be shown; nothing of the wrong kind is."""
    breakdown = body.get("breakdown")
    by = breakdown if isinstance(breakdown, Mapping) else {"by": breakdown}
    return Builder(
        steps=[_entry(one) for one in _objects(body.get("steps"))] or [Entry("")],
        exclusions=[_entry(one) for one in _objects(body.get("exclusions"))],
        order=_known(body.get("order"), get_args(Order)),
        window=limit_of(body.get("window_minutes")),
        unit=_text(body.get("unit")) or PERSON,
        breakdown=_text(by.get("by")),
        touch=_known(by.get("touch"), get_args(Touch)),
        touched_step=_text(by.get("step")) or "1",
        trend=_text(body.get("trend")),
        compare=body.get("compare") is True,
    )


def limit_of(minutes: object) -> Limit:
    """In the longest unit of which it is a whole number."""
    if isinstance(minutes, bool) or not isinstance(minutes, int | float) or not 0 < minutes <= MAX_MINUTES:
        return Limit()
    unit = next((unit for unit, length in _MINUTES.items() if minutes % length == 0), "minutes")
    return Limit(f"{minutes / _MINUTES[unit]:.12g}", unit)


def _entry(given: Mapping[str, Any]) -> Entry:
    own = {"name", "within_minutes", "from_step", "to_step"}
    matcher = {name: value for name, value in given.items() if name not in own}
    return Entry(
        matcher=json.dumps(matcher, ensure_ascii=False) if matcher else "",
        name=_text(given.get("name")),
        within=limit_of(given.get("within_minutes")),
        from_step=_text(given.get("from_step")),
        to_step=_text(given.get("to_step")),
    )


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _known(value: object, known: tuple[str, ...]) -> str:
    """The first of what is known stands for anything else."""
    return value if isinstance(value, str) and value in known else known[0]
