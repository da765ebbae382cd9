"""The chains of a funnel, by its order."""

from __future__ import annotations

from analytics.funnels.any_order import any_order_chains
from analytics.funnels.occurrences import Occurrences, Positions
from analytics.funnels.ordered import ordered_chains
from analytics.funnels.question import Funnel
from analytics.funnels.strict import strict_chains


def chains_of(events: Occurrences, funnel: Funnel) -> Positions:
    """For each unit the positions of its chain, a column a step; NOWHERE for steps it didn't reach."""
    match funnel.order:
        case "ordered":
            return ordered_chains(events, funnel)
        case "strict":
            return strict_chains(events, funnel)
        case "any":
            return any_order_chains(events, funnel)
