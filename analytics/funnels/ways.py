"""The ways that units took through a funnel: all that is kept of their events, and all that figures are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from analytics.funnels.chains import chains_of
from analytics.funnels.occurrences import NOWHERE, Flags, Occurrences, Positions
from analytics.funnels.question import Breakdown, Funnel
from analytics.funnels.roads import read
from analytics.trails import Longs
from projects.time_limits import TooCostly

T = TypeVar("T")

NEVER = np.iinfo(np.int64).min

MOST_TIMES = 32_000_000
"""Units times steps whose times are kept, 8 bytes each: a quarter of a gigabyte."""

MOST_VALUES = 1_000_000
"""That a breakdown tells apart on its way, some 150 bytes each."""

_UNCOUNTED = -1


@dataclass(frozen=True, slots=True)
class Ways:
    """A row for each unit that began, a column for each step.

    `times_us` (since EPOCH) are those at which the steps were reached, NEVER where they were not. `value` is an index
    into `values`, what the breakdown names; below 0 for units that it doesn't count.
    """

    times_us: Longs
    value: npt.NDArray[np.int32]
    values: list[str | None]

    @property
    def reached(self) -> Flags:
        """Which steps."""
        found: Flags = self.times_us != NEVER
        return found

    def only(self, wanted: Flags) -> Ways:
        """These units alone."""
        return replace(self, times_us=self.times_us[wanted], value=self.value[wanted])


def by_parts(project_id: int, funnel: Funnel, look: Callable[[Occurrences, Positions], T]) -> Iterator[T]:
    """What `look` gives of the events and chains of some units after the other. Raises django.db.Error, TooCostly."""

    def looked_at(events: Occurrences) -> T:
        return look(events, chains_of(events, funnel))

    # A road that isn't gone to its end keeps the connection busy until it is closed.
    with closing(read(project_id, funnel)) as road:
        # A loop's variables would keep one part while the next is read.
        yield from map(looked_at, road)


def ways_of(project_id: int, funnel: Funnel) -> Ways:
    """The ways of all units. Raises django.db.Error, TooCostly."""
    values: dict[str | None, int] = {}
    most = MOST_TIMES // len(funnel.steps)
    times_us, value = [np.empty((0, len(funnel.steps)), np.int64)], [np.empty(0, np.int32)]
    for times_of_part, value_of_part in by_parts(project_id, funnel, partial(_looked_at, funnel, values)):
        times_us.append(times_of_part)
        value.append(value_of_part)
        if sum(map(len, times_us)) > most:
            raise TooCostly(
                f"More than {most:,} began this funnel of {len(funnel.steps)} steps, which are too many to find the "
                "medians of: choose a shorter time range, or narrow the first step."
            )
    return Ways(np.concatenate(times_us), np.concatenate(value), list(values))


def _looked_at(
    funnel: Funnel, values: dict[str | None, int], events: Occurrences, chains: Positions
) -> tuple[Longs, npt.NDArray[np.int32]]:
    """`times_us` and `value` of `Ways`, of these units; `values` learns new ones."""
    begun = chains[chains[:, 0] != NOWHERE]
    if funnel.breakdown is None:
        return _times_us(events, begun), np.zeros(len(begun), np.int32)
    return _times_us(events, begun), _values_of(events, begun, funnel.breakdown, values)


def _times_us(events: Occurrences, chains: Positions) -> Longs:
    found: Longs = events.time_us[chains] if len(chains) else np.empty(chains.shape, np.int64)
    found[chains == NOWHERE] = NEVER
    return found


def _values_of(
    events: Occurrences, chains: Positions, breakdown: Breakdown, values: dict[str | None, int]
) -> npt.NDArray[np.int32]:
    """By unit the index of the value that counts for it; `values` learns new ones. Raises TooCostly."""
    found = np.empty(len(chains), np.int32)
    for unit, positions in enumerate(chains.tolist()):
        chain = [at for at in positions if at != NOWHERE]
        if breakdown.touch == "step" and len(chain) < breakdown.step:
            found[unit] = _UNCOUNTED
        else:
            found[unit] = values.setdefault(_value_of(events, chain, breakdown), len(values))
    if len(values) > MOST_VALUES:
        raise TooCostly(
            f"{breakdown.column} has more than {MOST_VALUES:,} values here, which are too many to tell apart: "
            "break down by a column with fewer, or choose a shorter time range."
        )
    return found


def _value_of(events: Occurrences, chain: list[int], breakdown: Breakdown) -> str | None:
    values = events.values or ()
    if breakdown.touch == "step":
        return values[chain[breakdown.step - 1]]
    given = [values[at] for at in chain if values[at] is not None]
    return given[0 if breakdown.touch == "first" else -1] if given else None
