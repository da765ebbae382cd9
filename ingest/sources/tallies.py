"""What became of requests, added up in memory. Never more than one look at a dictionary for each request."""

from __future__ import annotations

import threading
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache

from ingest.protocols.base import Refusal
from ingest.sources.masking import MAX_LOOKED_AT, masked
from storage.records import Outcome, RecordError

MAX_PLACES = 2_000
"""Sources times minutes that wait to be stored. Where the store is away for so long, what comes is not counted."""

MAX_PROBLEMS = 20
"""Kinds of problem of a source in a minute. Names of fields come from clients: further ones are counted as one."""

MAX_MESSAGE = 300
MAX_FIELD = 100
MAX_CODE = 60
WAITS_AT_MOST = timedelta(hours=1)
"""Longer ago than the page looks back."""


UNKNOWN_FORMAT = "unknown"


@dataclass(frozen=True, slots=True)
class Source:
    """Who sends what where. Project and key are 0 where the key is missing or unknown."""

    project_id: int
    key_id: int
    format_name: str
    path: str


@dataclass(frozen=True, slots=True)
class Problem:
    """Why something was not stored: one record (status 0), or a whole request."""

    status: int
    code: str
    field: str = ""


OTHER = Problem(0, "other")


@dataclass(slots=True)
class ProblemTally:
    count: int
    message: str
    sample: str = ""

    def merge(self, other: ProblemTally) -> None:
        self.count += other.count
        self.message = other.message or self.message
        self.sample = other.sample or self.sample


@dataclass(slots=True)
class Tally:
    """What came in some time from one source."""

    last_seen_at: datetime
    requests: int = 0
    refused: int = 0
    records: int = 0
    duplicates: int = 0
    rejected: int = 0
    byte_count: int = 0
    problems: dict[Problem, ProblemTally] = field(default_factory=dict)

    def merge(self, other: Tally) -> None:
        self.last_seen_at = max(self.last_seen_at, other.last_seen_at)
        self.requests += other.requests
        self.refused += other.refused
        self.records += other.records
        self.duplicates += other.duplicates
        self.rejected += other.rejected
        self.byte_count += other.byte_count
        for problem, tally in other.problems.items():
            if found := self.problems.get(problem):
                found.merge(tally)
            else:
                self.problems[problem] = tally


Place = tuple[Source, datetime]
"""A source and the minute."""

Excerpts = Callable[[Sequence[int]], Mapping[int, str]]
"""Places in a request -> the records there, as far as they can be shown."""


def place_of(source: Source, at: datetime) -> Place:
    return source, at.replace(second=0, microsecond=0)


def stored(
    outcome: Outcome, byte_count: int, at: datetime, known: Container[Problem], excerpts: Excerpts
) -> Tally:
    """The tally of one request that was answered record by record."""
    return Tally(
        at,
        requests=1,
        records=outcome.inserted,
        duplicates=outcome.duplicates,
        rejected=len(outcome.errors),
        byte_count=byte_count,
        problems=_problems(outcome.errors, known, excerpts) if outcome.errors else {},
    )


def refused(refusal: Refusal, byte_count: int, at: datetime) -> Tally:
    """The tally of one request that was refused whole."""
    message = _shown(refusal.detail, MAX_MESSAGE)
    problem = Problem(refusal.status, storable(refusal.code, MAX_CODE))
    return Tally(
        at, requests=1, refused=1, byte_count=byte_count, problems={problem: ProblemTally(1, message)}
    )


def _problems(
    errors: Iterable[RecordError], known: Container[Problem], excerpts: Excerpts
) -> dict[Problem, ProblemTally]:
    """By kind. One sample is enough of a kind that was not known in this minute."""
    found: dict[Problem, ProblemTally] = {}
    firsts: dict[int, Problem] = {}
    for error in errors:
        problem = Problem(0, storable(error.code, MAX_CODE), _field_shown(error.field[:MAX_LOOKED_AT]))
        if problem not in found:
            if len(found) >= MAX_PROBLEMS:
                problem = OTHER
            elif problem not in known:
                firsts[error.index] = problem
        if tally := found.get(problem):
            tally.count += 1
        else:
            found[problem] = ProblemTally(1, _shown(error.message, MAX_MESSAGE))
    for index, sample in (excerpts(list(firsts)) if firsts else {}).items():
        found[firsts[index]].sample = sample
    return found


def _shown(text: str, length: int) -> str:
    """As `storable`, without keys and addresses: messages quote what clients sent."""
    return storable(masked(text), length)


# All records of a request tend to fail at the same fields.
@lru_cache(maxsize=256)
def _field_shown(name: str) -> str:
    return _shown(name, MAX_FIELD)


def storable(text: str, length: int) -> str:
    """Text that the tables can hold: cut, without NUL and halves of surrogate pairs."""
    short = text[:length]
    return short.encode("utf-8", "replace").decode().replace("\0", "")


class Gathered:
    """The tallies of this process since they were last taken."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tallies: dict[Place, Tally] = {}
        self._known: dict[Place, set[Problem]] = {}

    def known(self, place: Place) -> frozenset[Problem]:
        """The kinds of problem that this minute has seen."""
        with self._lock:
            return frozenset(self._known.get(place, ()))

    def add(self, place: Place, tally: Tally) -> None:
        with self._lock:
            if tally.problems:
                self._limit(place, tally)
            if found := self._tallies.get(place):
                found.merge(tally)
            elif len(self._tallies) < MAX_PLACES:
                self._tallies[place] = tally

    def take(self) -> dict[Place, Tally]:
        """All since the last take."""
        with self._lock:
            taken, self._tallies = self._tallies, {}
            newest = max((minute for _, minute in taken), default=None)
            self._known = {place: known for place, known in self._known.items() if place[1] == newest}
            return taken

    def give_back(self, taken: Mapping[Place, Tally], now: datetime) -> None:
        """Keep for the next take what could not be stored."""
        for place, tally in taken.items():
            if place[1] > now - WAITS_AT_MOST:
                self.add(place, tally)

    def _limit(self, place: Place, tally: Tally) -> None:
        """Count as "other" the kinds that come when a minute has enough of them."""
        if len(self._known) >= MAX_PLACES:
            self._known.clear()
        known = self._known.setdefault(place, set())
        problems: dict[Problem, ProblemTally] = {}
        for problem, found in tally.problems.items():
            if problem not in known and len(known) >= MAX_PROBLEMS and not problem.status:
                problem = OTHER  # noqa: PLW2901 - that is what is counted from here on
            known.add(problem)
            if other := problems.get(problem):
                other.merge(found)
            else:
                problems[problem] = found
        tally.problems = problems
