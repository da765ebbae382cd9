"""Chains whose events follow each other with no other event of the unit between them."""

from __future__ import annotations

import numpy as np

from analytics.funnels.gaps import gaps_of, is_within
from analytics.funnels.longest import longest_of_each
from analytics.funnels.occurrences import NOWHERE, Occurrences, Positions
from analytics.funnels.question import Funnel


def strict_chains(events: Occurrences, funnel: Funnel) -> Positions:
    """For each unit the positions of its chain, a column a step; NOWHERE for steps it didn't reach."""
    starts = events.with_bit(0)
    lengths = np.ones(len(starts), np.int8)
    alive = np.arange(len(starts))
    for number, gap in enumerate(gaps_of(events, funnel), start=1):
        alive = alive[starts[alive] + number < len(events.unit)]
        here = starts[alive] + number
        fits = (events.marks[here] & (1 << number)) != 0
        fits &= gap.allows(here - 1, here)
        fits &= is_within(events.time_us[starts[alive]], events.time_us[here], funnel.window_us)
        alive = alive[fits]
        lengths[alive] += 1
    best = longest_of_each(events.unit[starts], lengths)
    chains = np.full((events.unit_count, len(funnel.steps)), NOWHERE, np.int64)
    for number in range(len(funnel.steps)):
        going = best[lengths[best] > number]
        chains[events.unit[starts[going]], number] = starts[going] + number
    return chains
