"""Reads of events beyond a one-line queryset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from events.models import Event
from events.rollups import ACTOR, EVENT_ROLLUP, MEASURES, MINUTE_DIMENSIONS, RAW_ROW
from storage.ids import as_uuid
from storage.rollups import reading
from storage.rollups.summing import PERCENTILES, summed, summed_with_percentiles

USERS = "users"
SUMMARY_MEASURES = (*MEASURES, *PERCENTILES, USERS)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


class CannotSummarise(ValueError):
    """The question asks for what is not kept added up; the text says what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Events of a project in `start <= time < end`, in buckets of `interval`, both lying on its borders in UTC.

    `group_by` and `filters` name dimensions: event_type, event_name, event_category, tenant_id.
    """

    project_id: int
    start: datetime
    end: datetime
    interval: timedelta
    group_by: Sequence[str] = ()
    filters: Mapping[str, str] | None = None
    measures: Sequence[str] = MEASURES
    limit: int = 200
    """Most groups that are answered, those with most events first."""

    @property
    def bucket_count(self) -> int:
        return -((self.start - self.end) // self.interval)

    @property
    def tier(self) -> reading.TierName:
        if self.interval % DAY == timedelta(0):
            return "days"
        return "hours" if self.interval % HOUR == timedelta(0) else "minutes"

    @property
    def dimensions(self) -> set[str]:
        return {*self.group_by, *(self.filters or {})}

    @property
    def parameters(self) -> dict[str, Any]:
        given = {f"filter_{name}": value for name, value in (self.filters or {}).items()}
        return {"project_id": self.project_id, "start": self.start, "end": self.end, **given}

    @property
    def where(self) -> str:
        return " AND ".join(f"{name} = %(filter_{name})s" for name in self.filters or {}) or "true"

    def slot(self, time: str) -> str:
        """SQL for the number of the bucket that a time lies in."""
        return f"floor(extract(epoch FROM {time} - %(start)s) / {self.interval.total_seconds()})::int"


@dataclass(frozen=True, slots=True)
class Series:
    """One group: its dimensions, and for each measure one number a bucket. Counts are 0, percentiles None, where
    nothing happened."""

    group: dict[str, str | None]
    measures: dict[str, list[Any]]


def with_id(events: QuerySet[Event], text: str) -> QuerySet[Event]:
    """The events with this UUID or client id: one per time it was sent with."""
    identifier = as_uuid(text)
    return events.filter(id=identifier) if identifier else events.filter(client_id=text)


def newest_by_id(events: QuerySet[Event], text: str) -> Event | None:
    """The event with this UUID or client id; the newest where several have it."""
    if "\0" in text:
        return None
    return with_id(events, text).order_by("-event_timestamp").first()


def summary(question: Question) -> list[Series]:
    """Events added up by bucket and group, from roll-ups and what they don't hold yet, exact at any moment.

    Percentiles are within 1 %. Raises CannotSummarise.
    """
    if question.tier == "minutes" and not question.dimensions <= set(MINUTE_DIMENSIONS):
        raise CannotSummarise("Buckets shorter than an hour are kept by event_type and event_name only.")
    wanted = [name for name in question.measures if name != USERS]
    with_percentiles = any(name in PERCENTILES for name in wanted)
    add_up = summed_with_percentiles if with_percentiles else summed
    source = add_up(partial(_parts_sql, question), (*question.group_by, "slot"), MEASURES, RAW_ROW)
    found = _by_group(question, source, wanted or MEASURES[:1], "sum(event_count)")
    if USERS in question.measures:
        _add_users(question, found)
    return found


def _parts_sql(question: Question, rolled: Sequence[str], raw: Sequence[str]) -> str:
    """Roll-up rows and raw rows, each with its group and the number of the bucket it lies in."""
    return reading.parts(
        EVENT_ROLLUP,
        question.tier,
        ", ".join((*question.group_by, f"{question.slot('bucket')} AS slot", *rolled)),
        ", ".join((*question.group_by, f"{question.slot('event_timestamp')} AS slot", *raw)),
        question.where,
    )


def _by_group(question: Question, source: str, measures: Sequence[str], order: str) -> list[Series]:
    """One row a group with an array a measure: a tenth of the time that a row a bucket would take to read."""
    listed = ", ".join(question.group_by)
    comma = ", " if listed else ""
    arrays = ", ".join(f"array_agg({measure})" for measure in measures)
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {reading.state(EVENT_ROLLUP)} "
            f"SELECT {listed}{comma}array_agg(slot), {arrays} FROM ({source}) AS slots "
            + (f"GROUP BY {listed} " if listed else "HAVING count(*) > 0 ")
            + f"ORDER BY {order} DESC{comma}{listed} LIMIT {question.limit}",
            question.parameters,
        )
        rows = cursor.fetchall()
    width = len(question.group_by)
    return [
        Series(
            dict(zip(question.group_by, row[:width], strict=True)),
            {
                measure: _spread(question, measure, row[width], values)
                for measure, values in zip(measures, row[width + 1 :], strict=True)
            },
        )
        for row in rows
    ]


def _spread(question: Question, measure: str, slots: list[int], values: list[Any]) -> list[Any]:
    spread: list[Any] = [None if measure in PERCENTILES else 0] * question.bucket_count
    for slot, value in zip(slots, values, strict=True):
        spread[slot] = value
    return spread


def _add_users(question: Question, found: list[Series]) -> None:
    """Distinct users by bucket, from the exact set of each day's actors."""
    if question.interval % DAY or not question.dimensions <= {"event_name"}:
        raise CannotSummarise("Users are counted by whole days, and by event_name only.")
    listed = "".join(f"{name}, " for name in question.group_by)
    in_range = (
        f"project_id = %(project_id)s AND bucket >= %(start)s AND bucket < %(end)s AND ({question.where})"
    )
    actors = [f"SELECT {listed}{question.slot('bucket')} AS slot, actor FROM event_actors WHERE {in_range}"]
    actors += [
        f"SELECT {listed}{question.slot('event_timestamp')} AS slot, {ACTOR} AS actor FROM {source.table} "
        f"WHERE {source.where} AND {ACTOR} IS NOT NULL"
        for source in reading.raw_sources(EVENT_ROLLUP, question.where)
    ]
    # UNION, not UNION ALL: somebody seen in both is one user.
    counted = f"SELECT {listed}slot, count(*) AS users FROM ({' UNION '.join(actors)}) AS seen GROUP BY {listed}slot"
    users = {
        tuple(series.group.values()): series for series in _by_group(question, counted, [USERS], "sum(users)")
    }
    for series in found:
        counts = users.get(tuple(series.group.values()))
        series.measures[USERS] = counts.measures[USERS] if counts else [0] * question.bucket_count
