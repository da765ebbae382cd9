"""What is asked about a funnel. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from analytics.matchers import Matcher
from analytics.units import PERSON

Order = Literal["ordered", "strict", "any"]
Touch = Literal["first", "last", "step"]
Period = Literal["day", "week"]
"""UTC days, and weeks from Monday on."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step, and how long after the step before it at most."""

    name: str
    matcher: Matcher
    within_us: int | None = None


@dataclass(frozen=True, slots=True)
class Exclusion:
    """An event that must not lie between these two steps, counted from 1."""

    matcher: Matcher
    from_step: int
    to_step: int


@dataclass(frozen=True, slots=True)
class Breakdown:
    """Units by the value that a column has on the first or the last event of the chain that has one, or on a step's.

    By a step's, only units that reached the step are counted.
    """

    column: str
    touch: Touch = "first"
    step: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Funnel:
    """A funnel over a project's events in `[start, end)`; None is open.

    `trend` asks for figures by the period in which units began, `compare` for those of the equally long range before.
    """

    steps: tuple[Step, ...]
    order: Order = "ordered"
    window_us: int | None = None
    unit: str = PERSON
    exclusions: tuple[Exclusion, ...] = ()
    breakdown: Breakdown | None = None
    trend: Period | None = None
    compare: bool = False
    start: datetime | None = None
    end: datetime | None = None

    def before(self) -> Funnel | None:
        """The same of the range before this one; None where the range is open or begins too early for that."""
        if self.start is None or self.end is None:
            return None
        try:
            earlier = self.start - (self.end - self.start)
        except OverflowError:
            return None
        return replace(self, start=earlier, end=self.start, breakdown=None, trend=None, compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Units of a funnel: those that reached a step (from 1), or those that were lost on the way to it."""

    funnel: Funnel
    step: int = 1
    are_lost: bool = False
    limit: int = 100
