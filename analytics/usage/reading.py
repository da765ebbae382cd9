"""Who was there when, out of what is stored: names alone from trails, over months; the others from raw rows.

Trails are read some weeks at a time, so that a year of a busy project never lies in memory at once. Each statement is
exact at its own moment.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
from django.db import connection

from analytics.matchers import Matcher
from analytics.trails import Longs, Newcomers, fetch, integers, merged, names_of, whole_hours
from analytics.usage import statements
from analytics.usage.periods import Periods
from analytics.usage.presence import NOBODY, People, Presence, union
from analytics.usage.statements import Statement, Wanted
from storage.rollups.windows import EPOCH

AT_ONCE = timedelta(days=31)
"""How much of the trails one statement reads; no period is longer."""

AHEAD = timedelta(days=1)
"""Longer than the time by which events may lie ahead of the clock."""

Place = tuple[int, int]
"""(bit of what was asked for, period)."""


def read(
    project_id: int, wanted: Sequence[Matcher | None], periods: Periods, *, with_before: bool = False
) -> list[Presence]:
    """Who did what each matcher says, or anything for None, in these periods; and before them, by names.

    What happened before is read of names alone, and of anything: raw rows are read of the periods only.
    Raises django.db.Error.
    """
    found = _Found()
    by_name: Wanted = {bit: one for bit, one in enumerate(wanted) if one is None or one.is_only_names}
    # Before the trails: what arrives in between must not make a use by somebody who has done nothing.
    if by_row := {bit: one for bit, one in enumerate(wanted) if bit not in by_name}:
        found.add(statements.from_rows(project_id, by_row, periods))
    if by_name:
        for start, end in _stretches(project_id, periods, with_before=with_before):
            found.add(statements.from_trails(project_id, by_name, periods.starts, start, end))
    return found.presences(project_id, len(wanted), periods)[0]


def read_ends(
    project_id: int, wanted: Sequence[Matcher | None], periods: Periods
) -> tuple[list[Presence], Names]:
    """Likewise in the first and the last of these periods alone, and before them, by names; and who they are."""
    found = _Found()
    by_name: Wanted = dict(enumerate(wanted))
    ends = {(periods.start, periods.ends(0)), (periods.starts[-1], periods.end)}
    for start, end in [*ends, *_stretches_before(project_id, periods.start)]:
        found.add(statements.from_trails(project_id, by_name, periods.starts, start, end))
    return found.presences(project_id, len(wanted), periods)


@dataclass(frozen=True, slots=True)
class Names:
    """What the numbers of one reading stand for: up to `known_limit` stored identifiers, beyond it newcomers."""

    project_id: int
    newcomers: Newcomers
    known_limit: int

    def of(self, people: People) -> list[str]:
        """The persons' names, in the same order. Raises django.db.Error."""
        numbers = _folded(people, self.known_limit).tolist()
        names = names_of(self.project_id, numbers, self.newcomers)
        # Whoever was purged in between has none any more.
        return [names[number] for number in numbers if number in names]


class _Found:
    """What the statements gave, by place: numbers of identifiers, not yet of persons."""

    def __init__(self) -> None:
        self._numbers: dict[Place, list[People]] = defaultdict(list)
        self._newcomers: dict[Place, set[str]] = defaultdict(set)

    def add(self, statement: Statement) -> None:
        packed: dict[Place, list[Longs]] = defaultdict(list)
        for period, marks, numbers, newcomers in fetch(statement.text, statement.parameters):
            several, names = integers([numbers]), statements.names_in(newcomers)
            for bit in range(marks.bit_length()):
                if marks >> bit & 1:
                    packed[bit, period].append(several)
                    self._newcomers[bit, period] |= names
        for place, groups in packed.items():
            together = union(groups)
            # 0 stands for those without a number.
            self._numbers[place].append(together[np.searchsorted(together, 1) :])

    def presences(self, project_id: int, count: int, periods: Periods) -> tuple[list[Presence], Names]:
        """One for each bit, of persons; and their names."""
        newcomers = _numbered(project_id, set().union(*self._newcomers.values()))
        identifiers = {place: self._of(place, newcomers) for place in self._numbers}
        everybody = [several for groups in identifiers.values() for several in groups]
        person_of, known_limit, number_limit = _persons(project_id, everybody, newcomers)
        by_place = {place: _merged(groups, person_of) for place, groups in identifiers.items()}
        presences = [
            Presence(
                by_period=[
                    by_place.get((bit, period), NOBODY) for period in range(1, len(periods.starts) + 1)
                ],
                before=by_place.get((bit, 0), NOBODY),
                number_limit=number_limit,
                periods=periods,
            )
            for bit in range(count)
        ]
        return presences, Names(project_id, newcomers, known_limit)

    def _of(self, place: Place, newcomers: Newcomers) -> list[Longs]:
        """Numbers of the identifiers at a place, in groups."""
        names = self._newcomers[place]
        more = [np.array(sorted(newcomers[name] for name in names), np.int64)] if names else []
        return [*self._numbers[place], *more]


def _numbered(project_id: int, names: set[str]) -> Newcomers:
    """Numbers of those who had none when they were read: the one they have got since, else a negative one."""
    known: Newcomers = {}
    if names:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT identifier, number FROM event_identifiers "
                "WHERE project_id = %s AND identifier = ANY(%s)",
                (project_id, list(names)),
            )
            known = dict(cursor.fetchall())
    return {name: known.get(name, -1 - place) for place, name in enumerate(sorted(names))}


def _persons(
    project_id: int, everybody: Sequence[Longs], newcomers: Newcomers
) -> tuple[Longs | None, int, int]:
    """The person's number, from 0 on, at the place of each identifier's number; and two limits.

    Below the first one lie those of stored identifiers, below the second one all. Negative numbers count from the end,
    as numpy has it. None where all identifiers are persons of their own.
    """
    ends = [int(end) for several in everybody if len(several) for end in (several[0], several[-1])]
    lowest, highest = min([*ends, 0]), max([*ends, 0])
    identifiers = np.concatenate([np.arange(highest + 1), np.arange(lowest, 0)])
    unnumbered = {name: number for name, number in newcomers.items() if number < 0}
    persons = merged(project_id, identifiers, unnumbered)
    # A person may go by a number that nobody has here.
    known_limit = max(int(persons.max()), highest) + 1
    if lowest == 0 and np.array_equal(persons, identifiers):
        return None, known_limit, known_limit
    return _folded(persons, known_limit), known_limit, known_limit - lowest


def _folded(numbers: Longs, known_limit: int) -> Longs:
    """Newcomers' negative numbers as numbers beyond the known ones, and back; the known ones stay."""
    is_known = (numbers >= 0) & (numbers < known_limit)
    return np.where(is_known, numbers, known_limit - 1 - numbers)


def _merged(groups: Sequence[Longs], person_of: Longs | None) -> People:
    if person_of is not None:
        return union([person_of[several] for several in groups])
    return groups[0] if len(groups) == 1 else union(groups)


def _stretches(
    project_id: int, periods: Periods, *, with_before: bool
) -> Iterator[tuple[datetime, datetime]]:
    """What one statement reads each, from the latest back; periods are never cut, what lies before them is."""
    end = periods.end
    for later, start in pairwise(reversed(periods.starts)):
        if end - start > AT_ONCE:
            yield later, end
            end = later
    yield periods.start, end
    if with_before:
        yield from _stretches_before(project_id, periods.start)


def _stretches_before(project_id: int, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """All that is kept before `end`; not one empty statement a month for thousands of years."""
    first_at, end_of_all = _kept(project_id)
    if first_at is None:
        return
    end = min(end, end_of_all)
    while end > first_at:
        # Whoever keeps for ever may have events of the year 1100, but few: clocks that were wrong.
        start = first_at if end <= EPOCH else max(end - AT_ONCE, first_at)
        yield start, end
        end = start


def _kept(project_id: int) -> tuple[datetime | None, datetime]:
    """No later than the first event of the project that is kept, None where there are none; and beyond the last one."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT least(
                   (SELECT min(bucket) FROM event_trails WHERE project_id = %(project_id)s),
                   (SELECT min(hour) FROM rollup_invalidations
                    WHERE raw_table = 'telemetry_events' AND project_id = %(project_id)s),
                   (SELECT closed_to FROM rollup_watermarks WHERE raw_table = 'telemetry_events')),
                   now()""",
            {"project_id": project_id},
        )
        found, now = cursor.fetchone()
    first_at = whole_hours(found, None)[0] if found else None
    return first_at, whole_hours(None, now + AHEAD)[1]
