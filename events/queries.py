"""Reads of events beyond a one-line queryset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from django.db.models import Q, QuerySet

from events.models import Event
from events.rollups import ACTOR, EVENT_ROLLUP, MEASURES, MINUTE_DIMENSIONS, RAW_ROW
from storage.day_slices import in_any_slice, newest
from storage.ids import as_uuid
from storage.rollups import reading, summaries
from storage.rollups.summaries import Group, Question
from storage.rollups.summing import PERCENTILES
from storage.rollups.windows import DAY, Window

USERS = "users"
SUMMARY_MEASURES = (*MEASURES, *PERCENTILES, USERS)

_MEASURES = summaries.Measures(
    rollup=EVENT_ROLLUP,
    sums=MEASURES,
    raw_row=RAW_ROW,
    sql={measure: measure for measure in SUMMARY_MEASURES},
    zero_without_rows=(*MEASURES, USERS),
)


class CannotSummarise(ValueError):
    """The question asks for what is not kept added up; the text says what."""


def with_id(events: QuerySet[Event], text: str) -> QuerySet[Event]:
    """The events with this UUID or client id: one per time it was sent with."""
    identifier = as_uuid(text)
    indexed = in_any_slice(events, "event_timestamp")
    # CloudEvents' ids are texts, also where they look like UUIDs.
    return indexed.filter(Q(client_id=text) | Q(id=identifier) if identifier else Q(client_id=text))


def newest_by_id(events: QuerySet[Event], text: str) -> Event | None:
    """The event with this UUID or client id; the newest where several have it."""
    if "\0" in text:
        return None
    return newest(with_id(events, text), "event_timestamp")


def summary(question: Question) -> list[Group]:
    """Events by event_type, event_name, event_category, tenant_id; exact at any moment, percentiles within 1 %.

    Raises CannotSummarise.
    """
    if question.window.tier == "minutes" and not question.dimensions <= set(MINUTE_DIMENSIONS):
        raise CannotSummarise("Buckets shorter than an hour are kept by event_type and event_name only.")
    counted = [measure for measure in question.measures if measure != USERS]
    found = summaries.most_frequent(replace(question, measures=counted), _MEASURES)
    if USERS in question.measures:
        _add_users(question, found)
    return found


def users(question: Question, names: Sequence[str | None] | None = None) -> list[Group]:
    """Distinct users by bucket, from the exact set of each day's actors; of these event names only, where given.

    Raises CannotSummarise for buckets of less than a day and for other dimensions than event_name.
    """
    if question.window.tier != "days" or not question.dimensions <= {"event_name"}:
        raise CannotSummarise("Users are counted by whole days, and by event_name only.")
    where = question.where + (" AND event_name = ANY(%(names)s)" if names is not None else "")
    window = question.window
    return summaries.groups(
        replace(question, measures=[USERS]),
        _MEASURES,
        _users_sql(question.group_by, where),
        f"sum({USERS})",
        {**question.parameters, "names": names, "days": Window(window.start, window.end, DAY).buckets},
    )


def _add_users(question: Question, found: list[Group]) -> None:
    # Only so many groups are read, and those with most events are not those with most users.
    names = [group.dimensions["event_name"] for group in found] if question.group_by else None
    counted = users(question, names)
    by_group = {tuple(group.dimensions.values()): group.measures[USERS] for group in counted}
    for group in found:
        nobody = [0] * question.window.bucket_count
        group.measures[USERS] = by_group.get(tuple(group.dimensions.values()), nobody)


def _users_sql(group_by: Sequence[str], where: str) -> str:
    listed = "".join(f"{name}, " for name in group_by)
    # Each day by itself, not the range of them: so a name is one stretch of the key a day, not a filter over all names.
    in_range = f"project_id = %(project_id)s AND bucket = ANY(%(days)s) AND ({where})"
    actors = [f"SELECT {listed}{summaries.slot_sql('bucket')}, actor FROM event_actors WHERE {in_range}"]
    actors += [
        f"SELECT {listed}{summaries.slot_sql('event_timestamp')}, {ACTOR} AS actor FROM {source.table} "
        f"WHERE {source.where} AND {ACTOR} IS NOT NULL"
        for source in reading.raw_sources(EVENT_ROLLUP, where)
    ]
    # UNION, not UNION ALL: somebody seen in both is one user.
    return f"SELECT {listed}slot, count(*) AS {USERS} FROM ({' UNION '.join(actors)}) AS seen GROUP BY {listed}slot"
