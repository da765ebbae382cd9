"""People's events out of packed trails (see `events.trails`), and out of raw rows where no trail is valid, as arrays.

One statement reads both: one snapshot, so exact at any moment. In it numbers stand for identifiers; who is the same
person is applied afterwards (`merged`), so that a new link changes no trail.

Needs numpy, 20 MB that no web process should hold before somebody asks: import this module where it is used.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import accumulate, groupby
from operator import itemgetter
from typing import Any, TypeVar, overload

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection, transaction

from events.identities import persons_of
from events.rollups import EVENT_ROLLUP
from events.trails import IDENTIFIER, KNOWN, PACKED, RANK, TRAILS
from projects.time_limits import limit_to_time_left
from storage.estimates import of_project
from storage.rollups import reading

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL counts its times from here on."""

HOUR = timedelta(hours=1)
CHUNK = 250_000
"""Events that are fetched at once, 24 bytes each; more where a row has more."""

MAX_NEWCOMERS = 1_000_000
"""Names that are kept in memory, some 150 bytes each."""

MICROSECOND = timedelta(microseconds=1)
_HOUR_US = HOUR // MICROSECOND
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_LOWER_HALF = (1 << 32) - 1

Integer = TypeVar("Integer", np.int32, np.int64)
Longs = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.int32]
Flags = npt.NDArray[np.bool_]
Stored = npt.NDArray[np.uint32]

Newcomers = dict[str, int]
"""Identifiers that have no number yet, with the negative ones that stand for them in one answer."""

_NO_LONGS, _NO_NUMBERS = np.empty(0, np.int64), np.empty(0, np.int32)


class TooManyNewcomers(Exception):
    """More than MAX_NEWCOMERS have no number: so much has come in that is not rolled up yet."""


@dataclass(frozen=True, slots=True)
class Trails:
    """Events that name somebody, 16 bytes each. Each lies in a row, which is of one event name and one bucket.

    `event_names` and `buckets_us` (microseconds since EPOCH) are by row, and rows go by name; `row` (an index into
    those, never falling), `numbers` (of identifiers), `times` and `ranks` (as they are stored) are by event.
    """

    event_names: Sequence[str]
    buckets_us: Longs
    row: Numbers
    numbers: Numbers
    times: Stored
    ranks: Stored

    @property
    def stretches(self) -> dict[str, slice]:
        """Where the events of each name lie."""
        names = sorted(set(self.event_names))
        firsts = [bisect_left(self.event_names, name) for name in names]
        bounds = np.searchsorted(self.row, [*firsts, len(self.event_names)]).tolist()
        return dict(zip(names, map(slice, bounds, bounds[1:]), strict=True))

    @property
    def time_us(self) -> Longs:
        """Microseconds since EPOCH, by event."""
        return whole_times(self.times, self.buckets_us[self.row])

    @property
    def places(self) -> Longs:
        """Numbers from 1 on that order the events by time, equal times by id."""
        found: Longs = self._first_places()[self.row] + self.ranks.astype(np.int64)
        return found

    def of(self, numbers: Numbers) -> Trails:
        """The same events under other numbers."""
        return replace(self, numbers=numbers)

    def only(self, wanted: Flags) -> Trails:
        """These events alone."""
        return replace(
            self,
            row=self.row[wanted],
            numbers=self.numbers[wanted],
            times=self.times[wanted],
            ranks=self.ranks[wanted],
        )

    def _first_places(self) -> Longs:
        """By row: how many places the buckets before its own take."""
        buckets, bucket = np.unique(self.buckets_us, return_inverse=True)
        taken = np.zeros(len(buckets), np.int64)
        firsts = np.flatnonzero(np.diff(self.row, prepend=-1))
        if len(firsts):
            np.maximum.at(taken, bucket[self.row[firsts]], np.maximum.reduceat(self.ranks, firsts))
        found: Longs = (np.cumsum(taken) - taken)[bucket]
        return found


def joined(chunks: Iterable[Trails]) -> Trails:
    """The events of all of these; each is of one event name."""
    by_name = sorted(chunks, key=lambda chunk: chunk.event_names[0])
    first_rows = accumulate((len(chunk.event_names) for chunk in by_name), initial=0)
    rows = [chunk.row + first for chunk, first in zip(by_name, first_rows, strict=False)]
    return Trails(
        event_names=[name for chunk in by_name for name in chunk.event_names],
        buckets_us=np.concatenate([_NO_LONGS, *(chunk.buckets_us for chunk in by_name)]),
        row=np.concatenate([_NO_NUMBERS, *rows]),
        numbers=np.concatenate([_NO_NUMBERS, *(chunk.numbers for chunk in by_name)]),
        times=np.concatenate([_stored(()), *(chunk.times for chunk in by_name)]),
        ranks=np.concatenate([_stored(()), *(chunk.ranks for chunk in by_name)]),
    )


class Stream:
    """The events of some names in `[start, end)`, to be read several times: each time those of one snapshot.

    `newcomers` are those that have been read. See `streamed`.
    """

    def __init__(self, cursor: psycopg.ServerCursor[tuple[Any, ...]], start: datetime, end: datetime) -> None:
        self._cursor = cursor
        self._start_us, self._end_us = _us(start), _us(end)
        self.newcomers: Newcomers = {}

    def chunks(self) -> Iterator[Trails]:
        """From the beginning, each of one event name and mostly of fewer than CHUNK events.

        Raises django.db.Error, TooCostly where the answer's time is over, TooManyNewcomers.
        """
        row_count, most = 1, 1
        with connection.wrap_database_errors:
            self._cursor.scroll(0, "absolute")
        while rows := self._fetched(row_count):
            most = max(most, *(len(row[2]) // 4 for row in rows))
            # Hours of much follow hours of much: by twice as many rows at most what a fetch brings is no surprise.
            row_count = max(min(row_count * 2, CHUNK // most), 1)
            rows.sort(key=itemgetter(1))
            for _, of_one_name in groupby(rows, itemgetter(1)):
                yield self._unpacked(list(of_one_name))

    def _fetched(self, row_count: int) -> list[tuple[Any, ...]]:
        limit_to_time_left()
        with connection.wrap_database_errors:
            return self._cursor.fetchmany(row_count)

    def _unpacked(self, rows: Sequence[tuple[Any, ...]]) -> Trails:
        lengths = np.fromiter((len(row[2]) // 4 for row in rows), np.int64, len(rows))
        numbers = integers((row[2] for row in rows), np.int32)
        number_newcomers(numbers, [one for row in rows for one in row[5] or ()], self.newcomers)
        if len(self.newcomers) > MAX_NEWCOMERS:
            raise TooManyNewcomers
        found = Trails(
            event_names=[row[1] for row in rows],
            buckets_us=np.fromiter((_us(row[0]) for row in rows), np.int64, len(rows)),
            row=np.repeat(np.arange(len(rows), dtype=np.int32), lengths),
            numbers=numbers,
            times=_stored(row[3] for row in rows),
            ranks=_stored(row[4] for row in rows),
        )
        lowest_us, highest_us = int(found.buckets_us.min()), int(found.buckets_us.max()) + _HOUR_US
        if self._start_us <= lowest_us and highest_us <= self._end_us:
            return found
        time_us = found.time_us
        return found.only((time_us >= self._start_us) & (time_us < self._end_us))


@contextmanager
def streamed(
    project_id: int, event_names: Sequence[str], start: datetime | None, end: datetime | None
) -> Iterator[Stream]:
    """The events of these names in `[start, end)`; None is open. In a transaction. Raises django.db.Error."""
    first, last = whole_hours(start, end)
    statement = (
        trail_sql("event_name = ANY(%(event_names)s)")
        + "SELECT bucket, event_name, numbers, times, ranks, newcomers FROM trail ORDER BY bucket"
    )
    parameters = {"project_id": project_id, "event_names": list(event_names), "start": first, "end": last}
    with transaction.atomic():
        limit_to_time_left()
        with psycopg.ServerCursor(connection.connection, "trails", scrollable=True) as cursor:
            with connection.wrap_database_errors:
                cursor.execute(statement.encode(), parameters, binary=True)
            yield Stream(cursor, start or _FIRST, end or _LAST)


def trail_sql(where: str = "true") -> str:
    """`WITH ... trail AS (bucket, event_name, numbers, times, ranks, newcomers)`, to stand before a SELECT.

    Parameters are %(project_id)s, and %(start)s and %(end)s, both of whole hours; `where` may name `event_name`. In
    rows of raw events an identifier without a number has 0, and `newcomers` lists those in the order of the zeros.
    """
    trails = reading.whole_hours_of(TRAILS, where)
    raw = " UNION ALL ".join(
        f"""SELECT project_id, date_trunc('hour', event_timestamp, 'UTC') AS bucket, event_name, event_timestamp, id,
                   {IDENTIFIER} AS identifier
            FROM {source.table} WHERE {source.where}"""
        for source in reading.raw_sources(EVENT_ROLLUP, f"({where}) AND {IDENTIFIER} IS NOT NULL")
    )
    return f"""WITH {reading.state(EVENT_ROLLUP, whole_hours=True)}, trail AS (
        SELECT bucket, event_name, numbers, times, ranks, NULL::text[] AS newcomers
        FROM {trails.table} WHERE {trails.where}
        UNION ALL
        SELECT bucket, event_name, {PACKED}, array_agg(identifier) FILTER (WHERE number = 0)
        FROM (
            SELECT seen.*, coalesce(number, 0) AS number
            FROM (SELECT *, {RANK} FROM ({raw}) AS event) AS seen LEFT JOIN {KNOWN} ON true
        ) AS numbered
        GROUP BY bucket, event_name
    ) """


def whole_hours(start: datetime | None, end: datetime | None) -> tuple[datetime, datetime]:
    """The hours that `[start, end)` lies in; None is open."""
    first = (start or _FIRST).astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    if end is None or end > _LAST - HOUR:
        return first, _LAST
    last = end.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return first, last if last == end else last + HOUR


def fetch(statement: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows, sent in binary: as text, bytes would come twice as long and be read digit by digit."""
    connection.ensure_connection()
    limit_to_time_left()
    # Django's own cursors put parameters in as text, which PostgreSQL answers in text.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement.encode(), parameters, binary=True).fetchall()


@overload
def integers(packed: Iterable[bytes]) -> Longs: ...
@overload
def integers(packed: Iterable[bytes], kind: type[Integer]) -> npt.NDArray[Integer]: ...
def integers(packed: Iterable[bytes], kind: type[Any] = np.int64) -> npt.NDArray[Any]:
    """The four-byte integers in these values, one after the other."""
    return np.frombuffer(b"".join(packed), ">i4").astype(kind)


def _stored(packed: Iterable[bytes]) -> Stored:
    return np.frombuffer(b"".join(packed), ">u4").astype(np.uint32)


def whole_times(stored: npt.NDArray[np.integer[Any]], buckets_us: Longs | int) -> Longs:
    """Microseconds since EPOCH, of times of which the lower half is stored; each lies in the hour that begins there."""
    found: Longs = buckets_us + ((stored.astype(np.int64) - buckets_us) & _LOWER_HALF)
    return found


def number_newcomers(numbers: npt.NDArray[Integer], identifiers: Sequence[str], newcomers: Newcomers) -> None:
    """Put a number of its own for each identifier, in order, where `numbers` are 0; `newcomers` learns them."""
    for identifier in identifiers:
        newcomers.setdefault(identifier, -1 - len(newcomers))
    numbers[numbers == 0] = [newcomers[identifier] for identifier in identifiers]


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


_IDENTIFIERS = f"""
    SELECT identifier, number FROM event_identifiers WHERE {of_project("%(project_id)s")}
    UNION ALL
    SELECT * FROM unnest(%(newcomers)s::text[], %(numbers)s::int[]) AS newcomer (identifier, number)
"""


def merged(project_id: int, numbers: npt.NDArray[Integer], newcomers: Newcomers) -> npt.NDArray[Integer]:
    """With one number for all identifiers of a person, that of one of them. Raises django.db.Error."""
    # By person: the numbers of all ids that are linked to it, the highest of them, and that of its own id.
    statement = f"""
        WITH identifier AS ({_IDENTIFIERS}), linked AS (
            SELECT person, string_agg(int4send(number), ''::bytea) AS numbers, count(*)::int AS size,
                   max(number) AS kept
            FROM ({persons_of("%(project_id)s")}) AS person JOIN identifier USING (identifier) GROUP BY person
        )
        SELECT string_agg(numbers, ''::bytea), string_agg(int4send(size), ''::bytea),
               string_agg(int4send(kept), ''::bytea), string_agg(int4send(coalesce(number, kept)), ''::bytea)
        FROM linked LEFT JOIN identifier ON identifier.identifier = person"""
    ((others, *groups),) = fetch(statement, _parameters(project_id, newcomers))
    if not others or not len(numbers):
        return numbers
    sizes, kept, own = (integers([packed]) for packed in groups)
    low, high = int(numbers.min()), int(numbers.max())
    by_number = np.arange(low, high + 1, dtype=numbers.dtype)
    # The own id first: where links lead on from it, it is somebody else's (MAX_STEPS), and the second line says whose.
    for some, instead in ((own, kept), (integers([others]), np.repeat(kept, sizes))):
        is_asked = (some >= low) & (some <= high)
        by_number[some[is_asked] - low] = instead[is_asked]
    found: npt.NDArray[Integer] = by_number[numbers - low]
    return found


def names_of(project_id: int, numbers: Iterable[int], newcomers: Newcomers) -> dict[int, str]:
    """The persons that these numbers stand for, but for who was purged in between. Raises django.db.Error."""
    persons = persons_of("%(project_id)s", "link.identifier IN (SELECT identifier FROM wanted)")
    statement = f"""
        WITH wanted AS MATERIALIZED (
            SELECT identifier, number FROM ({_IDENTIFIERS}) AS identifier WHERE number = ANY(%(wanted)s)
        )
        SELECT number, coalesce(person, identifier) FROM wanted LEFT JOIN ({persons}) AS person USING (identifier)"""
    rows = fetch(statement, {**_parameters(project_id, newcomers), "wanted": list(numbers)})
    return dict(rows)


def _parameters(project_id: int, newcomers: Newcomers) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "newcomers": list(newcomers),
        "numbers": list(newcomers.values()),
    }
