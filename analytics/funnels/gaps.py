"""Whether one event may follow another in a chain: the limits that lie between two events next to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.funnels.occurrences import EXCLUDED_FROM, Flags, Occurrences, Positions
from analytics.funnels.question import Funnel


@dataclass(frozen=True, slots=True)
class Gap:
    """Between a step and the one before it. `excluded` are the positions that must not lie between, by exclusion."""

    events: Occurrences
    within_us: int | None
    excluded: Sequence[Positions]

    def allows(self, earlier: Positions, later: Positions) -> Flags:
        """For pairs of positions, the later one behind the earlier: whether they may follow each other."""
        fine: Flags = self.events.unit_of(earlier) == self.events.unit_of(later)
        if self.within_us is not None:
            fine &= self.events.lasted_us(earlier, later) <= self.within_us
        for excluded in self.excluded:
            first_after = np.searchsorted(excluded, earlier, side="right")
            fine &= first_after >= np.searchsorted(excluded, later, side="left")
        return fine


def gaps_of(events: Occurrences, funnel: Funnel) -> list[Gap]:
    """The gap before each step but the first."""
    excluded = [events.with_bit(EXCLUDED_FROM + number) for number in range(len(funnel.exclusions))]
    return [
        Gap(
            events,
            step.within_us,
            [
                positions
                for exclusion, positions in zip(funnel.exclusions, excluded, strict=True)
                if exclusion.from_step < number <= exclusion.to_step
            ],
        )
        for number, step in enumerate(funnel.steps[1:], start=2)
    ]


def is_within(starts_us: Positions, ends_us: Positions, window_us: int | None) -> Flags:
    """Whether these spans of time fit into the conversion window."""
    if window_us is None:
        return np.ones(len(starts_us), np.bool_)
    fits: Flags = ends_us - starts_us <= window_us
    return fits
