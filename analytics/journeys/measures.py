"""What one person's times say: minutes of each stage, the score, where they wait. Pure; `report` says it in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

EFFICIENCY_DEFINITION = (
    "Efficiency: for each stage reached, its weight x min(1, target minutes / actual minutes); the sum of these, "
    "divided by the sum of all weights, x 100. A stage that isn't reached adds nothing, one without a target adds its "
    "whole weight."
)

Reached = Sequence[datetime | None]
"""When each milestone was first reached, in the journey's order."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A milestone as it is measured; `target_minutes` counts from the milestone before. The first has weight 0."""

    key: str
    name: str
    target_minutes: float | None
    weight: float


def earliest(times: Sequence[Reached]) -> list[datetime | None]:
    """The times of somebody who was seen under several ids."""
    return [min((at for at in of_one if at), default=None) for of_one in zip(*times, strict=True)]


def stage_minutes(reached: Reached) -> list[float | None]:
    """Minutes of each stage after the first milestone; None where it isn't reached, or the journey has not begun."""
    start = reached[0]
    found: list[float | None] = []
    for position, at in enumerate(reached[1:], start=1):
        if start is None or at is None:
            found.append(None)
            continue
        before = max((one for one in reached[:position] if one and one <= at), default=start)
        found.append(_minutes(max(before, start), at))
    return found


def complete_minutes(reached: Reached) -> float | None:
    """Minutes from the first milestone to the last one; None before that."""
    start, end = reached[0], reached[-1]
    return None if start is None or end is None else _minutes(start, end)


def efficiency_score(stages: Sequence[Stage], reached: Reached) -> float | None:
    """0 to 100, see EFFICIENCY_DEFINITION; None for somebody who has not begun."""
    if reached[0] is None:
        return None
    earned = 0.0
    for stage, minutes in zip(stages[1:], stage_minutes(reached), strict=True):
        if minutes is not None:
            earned += stage.weight * _share(stage.target_minutes, minutes)
    return 100 * earned / sum(stage.weight for stage in stages[1:])


def waits_for(reached: Reached) -> int | None:
    """The first milestone that somebody on the way hasn't reached; None before the start and after the end."""
    if reached[0] is None or reached[-1] is not None:
        return None
    return next(position for position, at in enumerate(reached) if at is None)


def waiting_since(reached: Reached) -> datetime | None:
    """When somebody on the way last reached a milestone."""
    return max(at for at in reached if at) if waits_for(reached) is not None else None


def _share(target: float | None, minutes: float) -> float:
    return 1.0 if target is None or minutes <= target else target / minutes


def _minutes(start: datetime, end: datetime) -> float:
    return max((end - start).total_seconds() / 60, 0.0)
