"""People's events out of packed trails (see `events.trails`), and out of raw rows where no trail is valid, as arrays.

One statement reads both: one snapshot, so exact at any moment. In it numbers stand for identifiers; who is the same
person is applied afterwards (`merged`), so that a new link changes no trail.

Needs numpy, 20 MB that no web process should hold before somebody asks: import this module where it is used.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Any

import numpy as np
import numpy.typing as npt
import psycopg
from django.db import connection

from events.identities import persons_of
from events.rollups import EVENT_ROLLUP
from events.trails import IDENTIFIER, KNOWN, PACKED, RANK, TRAILS
from storage.rollups import reading

EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
"""PostgreSQL counts its times from here on."""

HOUR = timedelta(hours=1)
_MICROSECOND = timedelta(microseconds=1)
_FIRST, _LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_LOWER_HALF = (1 << 32) - 1

Longs = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Stored = npt.NDArray[np.uint32]
"""Highest byte first: to be converted where it is used, as most events of most questions are thrown away before."""

Newcomers = dict[str, int]
"""Identifiers that have no number yet, with the negative ones that stand for them in one answer."""


@dataclass(frozen=True, slots=True)
class Trails:
    """Events that name somebody. Each lies in a row, which is of one event name and one bucket; rows go by name.

    `event_names`, `buckets_us` (microseconds since EPOCH) and `first_places` are by row; `row` (an index into those,
    never falling), `numbers` (of identifiers), `times` and `ranks` (as they are stored) by event.
    """

    event_names: Sequence[str]
    buckets_us: Longs
    first_places: Longs
    row: Longs
    numbers: Longs
    times: Stored
    ranks: Stored
    newcomers: Newcomers

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
        buckets_us = self.buckets_us[self.row]
        found: Longs = buckets_us + ((self.times.astype(np.int64) - buckets_us) & _LOWER_HALF)
        return found

    @property
    def places(self) -> Longs:
        """Numbers from 1 on that order the events by time, equal times by id."""
        found: Longs = self.first_places[self.row] + self.ranks.astype(np.int64)
        return found

    def of(self, numbers: Longs) -> Trails:
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


def read(project_id: int, event_names: Sequence[str], start: datetime | None, end: datetime | None) -> Trails:
    """The events of these names in `[start, end)`; None is open. Raises django.db.Error."""
    first, last = whole_hours(start, end)
    rows = fetch(
        trail_sql("event_name = ANY(%(event_names)s)")
        + "SELECT bucket, event_name, numbers, times, ranks, newcomers FROM trail",
        {"project_id": project_id, "event_names": list(event_names), "start": first, "end": last},
    )
    found = _unpacked(rows)
    if start not in (None, first) or end not in (None, last):
        time_us = found.time_us
        return found.only((time_us >= _us(start or _FIRST)) & (time_us < _us(end or _LAST)))
    return found


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
    # Django's own cursors put parameters in as text, which PostgreSQL answers in text.
    with connection.wrap_database_errors, psycopg.Cursor(connection.connection) as cursor:
        return cursor.execute(statement.encode(), parameters, binary=True).fetchall()


def integers(packed: Iterable[bytes]) -> Longs:
    """The four-byte integers in these values, one after the other."""
    return np.frombuffer(b"".join(packed), ">i4").astype(np.int64)


def _stored(packed: Iterable[bytes]) -> Stored:
    return np.frombuffer(b"".join(packed), ">u4")


def number_newcomers(numbers: Longs, identifiers: Sequence[str], newcomers: Newcomers) -> None:
    """Put a number of its own for each identifier, in order, where `numbers` are 0; `newcomers` learns them."""
    for identifier in identifiers:
        newcomers.setdefault(identifier, -1 - len(newcomers))
    numbers[numbers == 0] = [newcomers[identifier] for identifier in identifiers]


def _unpacked(found: Sequence[tuple[Any, ...]]) -> Trails:
    rows = sorted(found, key=itemgetter(1))
    lengths = np.fromiter((len(row[2]) // 4 for row in rows), np.int64, len(rows))
    buckets_us = np.fromiter((_us(row[0]) for row in rows), np.int64, len(rows))
    numbers = integers(row[2] for row in rows)
    ranks = _stored(row[4] for row in rows)
    newcomers: Newcomers = {}
    number_newcomers(numbers, [one for row in rows for one in row[5] or ()], newcomers)
    return Trails(
        event_names=[row[1] for row in rows],
        buckets_us=buckets_us,
        first_places=_first_places(buckets_us, lengths, ranks),
        row=np.repeat(np.arange(len(rows)), lengths),
        numbers=numbers,
        times=_stored(row[3] for row in rows),
        ranks=ranks,
        newcomers=newcomers,
    )


def _first_places(buckets_us: Longs, lengths: Longs, ranks: Stored) -> Longs:
    """By row: how many places the buckets before its own take."""
    if not len(ranks):
        return np.zeros(len(lengths), np.int64)
    highest = np.maximum.reduceat(ranks, np.cumsum(lengths) - lengths)
    buckets, bucket = np.unique(buckets_us, return_inverse=True)
    taken = np.zeros(len(buckets), np.int64)
    np.maximum.at(taken, bucket, highest)
    found: Longs = (np.cumsum(taken) - taken)[bucket]
    return found


def _us(moment: datetime) -> int:
    return (moment - EPOCH) // _MICROSECOND


_IDENTIFIERS = """
    SELECT identifier, number FROM event_identifiers WHERE project_id = %(project_id)s
    UNION ALL
    SELECT * FROM unnest(%(newcomers)s::text[], %(numbers)s::int[]) AS newcomer (identifier, number)
"""


def merged(project_id: int, numbers: Longs, newcomers: Newcomers) -> Longs:
    """With one number for all identifiers of a person, that of one of them. Raises django.db.Error."""
    # A person's own id belongs to it too, unless links lead further: then it is somebody else's (MAX_STEPS).
    statement = f"""
        WITH person AS MATERIALIZED ({persons_of("%(project_id)s")}), identifier AS ({_IDENTIFIERS}), member AS (
            SELECT person, number FROM person JOIN identifier USING (identifier)
            UNION
            SELECT person, number
            FROM (SELECT person FROM person EXCEPT SELECT identifier FROM person) AS named
            JOIN identifier ON identifier.identifier = person
        ), kept AS (SELECT number, max(number) OVER (PARTITION BY person) AS kept FROM member)
        SELECT string_agg(int4send(number), ''::bytea), string_agg(int4send(kept), ''::bytea)
        FROM kept WHERE number <> kept"""
    ((others, kept),) = fetch(statement, _parameters(project_id, newcomers))
    if not others or not len(numbers):
        return numbers
    low, high = int(numbers.min()), int(numbers.max())
    other, instead = integers([others]), integers([kept])
    is_asked = (other >= low) & (other <= high)
    by_number = np.arange(low, high + 1)
    by_number[other[is_asked] - low] = instead[is_asked]
    found: Longs = by_number[numbers - low]
    return found


def names_of(project_id: int, numbers: Iterable[int], newcomers: Newcomers) -> dict[int, str]:
    """The persons that these numbers stand for. Raises django.db.Error."""
    statement = f"""
        SELECT number, coalesce(person, identifier)
        FROM ({_IDENTIFIERS}) AS numbered LEFT JOIN ({persons_of("%(project_id)s")}) AS person USING (identifier)
        WHERE number = ANY(%(wanted)s)"""
    rows = fetch(statement, {**_parameters(project_id, newcomers), "wanted": list(numbers)})
    return dict(rows)


def _parameters(project_id: int, newcomers: Newcomers) -> dict[str, Any]:
    return {
        "project_id": project_id,
        "newcomers": list(newcomers),
        "numbers": list(newcomers.values()),
    }
