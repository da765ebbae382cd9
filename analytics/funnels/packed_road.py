"""The packed road: a funnel's events out of people's trails (`analytics.trails`), if it asks for names alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np

from analytics import trails
from analytics.funnels.occurrences import EXCLUDED_FROM, Flags, Occurrences
from analytics.funnels.question import Funnel
from analytics.matchers import Matcher, matches
from analytics.trails import Longs, Newcomers, Trails
from analytics.units import PERSON

_PLACE_BITS = 32


def is_open_to(funnel: Funnel) -> bool:
    """Whether trails hold all that the funnel asks for: the names of people's events, and not those between them."""
    return (
        funnel.unit == PERSON
        and funnel.order != "strict"
        and funnel.breakdown is None
        and all(matcher.is_only_names for matcher in _matchers(funnel).values())
    )


def read(project_id: int, funnel: Funnel) -> Occurrences:
    """The events of a project that the funnel looks at. Raises django.db.Error."""
    names = sorted(frozenset().union(*(matcher.names or () for matcher in _matchers(funnel).values())))
    found = trails.read(project_id, names, funnel.start, funnel.end)
    found = found.of(trails.merged(project_id, found.numbers, found.newcomers))
    marks = {name: _marks(funnel, name) for name in names}
    if funnel.order == "ordered" and len(found.numbers):
        found = found.only(_may_count(found, marks, len(funnel.steps)))
    return _occurrences(project_id, found, marks)


def _matchers(funnel: Funnel) -> dict[int, Matcher]:
    """By the bit of the marks that stands for each."""
    steps = {number: step.matcher for number, step in enumerate(funnel.steps)}
    return steps | {EXCLUDED_FROM + number: one.matcher for number, one in enumerate(funnel.exclusions)}


def _marks(funnel: Funnel, name: str) -> int:
    event = {"event_name": name}
    return sum(1 << bit for bit, matcher in _matchers(funnel).items() if matches(matcher, event))


def _may_count(found: Trails, marks: Mapping[str, int], steps: int) -> Flags:
    """Not the events of a step whose unit has none of a step before it: no chain leads to them.

    Half of the events of most funnels, before they are put in order, which takes longer than this.
    """
    units = found.numbers - found.numbers.min()
    depths = np.zeros(units.max() + 1, np.int8)
    for number in range(steps):
        for name, where in found.stretches.items():
            if marks[name] & (1 << number):
                there = units[where]
                depths[there[depths[there] == number]] = number + 1
    may_count = np.empty(len(units), np.bool_)
    for name, where in found.stretches.items():
        earliest = next((number for number in range(steps) if marks[name] & (1 << number)), 0)
        may_count[where] = depths[units[where]] > earliest
    return may_count


def _occurrences(project_id: int, found: Trails, marks: Mapping[str, int]) -> Occurrences:
    places = found.places
    marks_of_rows = np.array([marks[name] for name in found.event_names], np.int32)
    if len(places) and places.max() >> _PLACE_BITS:
        order = np.lexsort((places, found.numbers))
    else:
        # One number to sort by takes a quarter of the time.
        order = np.argsort((found.numbers << _PLACE_BITS) | places)
    numbers = found.numbers[order]
    is_first = np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)]
    return Occurrences(
        unit_count=int(is_first.sum()),
        names_of=partial(_names_of, project_id, numbers[is_first], found.newcomers),
        unit=(np.cumsum(is_first) - 1).astype(np.int32),
        time_us=found.time_us[order],
        marks=marks_of_rows[found.row[order]],
    )


def _names_of(project_id: int, numbers: Longs, newcomers: Newcomers, units: Sequence[int]) -> list[str]:
    wanted = numbers[np.asarray(units, np.int64)].tolist()
    names = trails.names_of(project_id, wanted, newcomers)
    return [names[number] for number in wanted]
