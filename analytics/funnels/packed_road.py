"""The packed road: a funnel's events out of people's trails (`analytics.trails`), if it asks for names alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from analytics import trails
from analytics.funnels.bounds import LARGE, most_events, parts
from analytics.funnels.occurrences import EXCLUDED_FROM, Flags, Occurrences
from analytics.funnels.question import Funnel
from analytics.matchers import Matcher, matches
from analytics.trails import MAX_NEWCOMERS, Longs, Newcomers, Numbers, Stream, Trails, joined
from analytics.units import PERSON
from projects.turns import take_turn

_PLACE_BITS = 32


@dataclass(frozen=True, slots=True)
class _Asked:
    """`marks` are those of an event, by the names that the funnel asks for."""

    project_id: int
    funnel: Funnel
    marks: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Persons:
    """By number, from the `lowest` one on, that of the person."""

    lowest: int
    by_number: Numbers


def is_open_to(funnel: Funnel) -> bool:
    """Whether trails hold all that the funnel asks for: the names of people's events, and not those between them."""
    return (
        funnel.unit == PERSON
        and funnel.order != "strict"
        and funnel.breakdown is None
        and all(matcher.is_only_names for matcher in _matchers(funnel).values())
    )


def read(project_id: int, funnel: Funnel) -> Iterator[Occurrences]:
    """The events of a project that the funnel looks at: all at once, or where they are too many, of some persons
    after the other, for which all are read again each time. Raises django.db.Error, TooCostly, TooManyNewcomers.
    """
    asked = _Asked(project_id, funnel, _marks_by_name(funnel))
    most = most_events(funnel)
    with trails.streamed(project_id, list(asked.marks), funnel.start, funnel.end) as stream:
        chunks, sizes = _read_once(stream, most)
        persons = _persons(project_id, _highest(chunks, sizes), stream.newcomers)
        if not len(sizes):
            # Nothing here keeps what is handed on: it may be as much as there may be.
            yield _occurrences(asked, stream.newcomers, joined(_of_persons(_taken(chunks), persons)))
            return
        lowest = persons.lowest
        sizes = np.bincount(persons.by_number - lowest, sizes[MAX_NEWCOMERS + lowest :]).astype(np.int64)
        for low, high in parts(sizes, most):
            of_these = _of_persons(stream.chunks(), persons, range(low + lowest, high + lowest))
            yield _occurrences(asked, stream.newcomers, joined(of_these))


def _read_once(stream: Stream, most: int) -> tuple[list[Trails], Longs]:
    """All events; or where they are more, none, and how many each number has, from -MAX_NEWCOMERS on."""
    chunks: list[Trails] = []
    sizes = np.zeros(0, np.int64)
    count = 0
    for chunk in stream.chunks():
        chunks.append(chunk)
        count += len(chunk.numbers)
        if count > LARGE:
            take_turn()
        if count > most:
            for one in chunks:
                sizes = _added_up(sizes, one.numbers)
            chunks = []
    return chunks, sizes


def _added_up(sizes: Longs, numbers: Numbers) -> Longs:
    places = numbers + MAX_NEWCOMERS
    missing = int(places.max(initial=-1)) + 1 - len(sizes)
    if missing > 0:
        sizes = np.append(sizes, np.zeros(missing, np.int64))
    np.add.at(sizes, places, 1)
    return sizes


def _highest(chunks: Sequence[Trails], sizes: Longs) -> int:
    """The highest number that there is, below 0 where nobody has one."""
    if len(sizes):
        return len(sizes) - 1 - MAX_NEWCOMERS
    return max((int(chunk.numbers.max(initial=-1)) for chunk in chunks), default=-1)


def _persons(project_id: int, highest: int, newcomers: Newcomers) -> _Persons:
    everybody = np.arange(-len(newcomers), highest + 1, dtype=np.int32)
    return _Persons(-len(newcomers), trails.merged(project_id, everybody, newcomers))


def _of_persons(chunks: Iterable[Trails], persons: _Persons, only: range | None = None) -> Iterator[Trails]:
    """The same events under the numbers of persons; only theirs whose number lies there."""
    for chunk in chunks:
        of_persons = chunk.of(persons.by_number[chunk.numbers - persons.lowest])
        if only is None:
            yield of_persons
        else:
            yield of_persons.only((of_persons.numbers >= only.start) & (of_persons.numbers < only.stop))


def _taken(chunks: list[Trails]) -> Iterator[Trails]:
    """All of them, out of the list."""
    while chunks:
        yield chunks.pop()


def _marks_by_name(funnel: Funnel) -> dict[str, int]:
    names = sorted(frozenset().union(*(matcher.names or () for matcher in _matchers(funnel).values())))
    return {name: _marks(funnel, name) for name in names}


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


def _occurrences(asked: _Asked, newcomers: Newcomers, found: Trails) -> Occurrences:
    marks = asked.marks
    if asked.funnel.order == "ordered" and len(found.numbers):
        found = found.only(_may_count(found, marks, len(asked.funnel.steps)))
    order = _in_order(found)
    numbers = found.numbers[order]
    is_first = np.append(True, numbers[1:] != numbers[:-1])[: len(numbers)]
    marks_of_rows = np.array([marks[name] for name in found.event_names], np.int32)
    return Occurrences(
        ids=numbers[is_first],
        names_of=partial(_names_of, asked.project_id, newcomers),
        unit=np.cumsum(is_first, dtype=np.int32) - 1,
        time_us=found.time_us[order],
        marks=marks_of_rows[found.row[order]],
    )


def _in_order(found: Trails) -> Longs:
    """Where the events lie that come one after the other by person, time and id."""
    places = found.places
    if len(places) and places.max() >> _PLACE_BITS:
        return np.lexsort((places, found.numbers))
    # One number to sort by takes a quarter of the time.
    places |= found.numbers.astype(np.int64) << _PLACE_BITS
    return np.argsort(places)


def _names_of(project_id: int, newcomers: Newcomers, numbers: Sequence[int]) -> dict[int, str]:
    # psycopg knows nothing of numpy's integers.
    return trails.names_of(project_id, map(int, numbers), newcomers)
