"""Follows events as roll-ups close their minutes, and tells metrics of sessions that are over.

`user_session_duration_seconds` is a distribution over the sessions of a project that ended since the last point, at
most once a minute. Which ones those are says `ended`; `analytics.points` says why no point is lost or stored twice.
What was looked at and what it led to is one transaction: a pass that is killed or repeated counts nothing twice.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.db.models import F
from django.db.models.functions import Greatest

from analytics.families import families, linked
from analytics.models.sessions import OpenSession, SessionState
from analytics.points import kept, sent
from analytics.sessions.ended import Course, Key, Step, step
from analytics.sessions.question import gap_of
from events.records import EVENTS
from events.session_pieces import WHOSE
from events.trails import IDENTIFIER
from metrics.distribution import Distribution
from projects.models import Project
from storage.rollups.engine import floor_hour

logger = logging.getLogger(__name__)

T = TypeVar("T")

METRIC = "user_session_duration_seconds"

EVERY = timedelta(seconds=50)
"""Hardly less than a minute, the shortest usual interval of rules."""

SHORTEST_STRETCH, LONGEST_STRETCH = timedelta(minutes=5), timedelta(minutes=15)
"""Looked at in one go. Each time every session that goes on is written once; nobody's session ends in seconds."""

FRESH = timedelta(days=1)
"""What ended longer ago, while nobody followed, is told no more; told sessions are remembered for as long."""


def follow(now: datetime, seconds: float = math.inf) -> None:
    """Look at all events that came in time, then write metric points; no stretch begins after so many seconds."""
    if closed_to := _closed_to():
        follow_to(closed_to, time.monotonic() + seconds)
    write(now)


def follow_to(closed_to: datetime, ends_at: float = math.inf) -> None:
    """Look at all events before `closed_to`. What fails for one project is logged and doesn't stop the others."""
    _ensure_states(closed_to)
    for project_id in _busy(closed_to):
        try:
            _follow_project(project_id, closed_to, ends_at)
        except SoftTimeLimitExceeded:
            # Else the worker's child would be killed in the midst of the next project.
            raise
        except Exception:
            logger.exception("sessions of project %s failed", project_id)


def write(now: datetime) -> None:
    """Write the points of every project that is due. What fails for one is logged and doesn't stop the others."""
    for state in SessionState.objects.exclude(unsent_points__isnull=True, ended_durations={}):
        try:
            if _send(state.project_id) and _measure(state.project_id, now):
                _send(state.project_id)
        except SoftTimeLimitExceeded:
            raise
        except Exception:
            logger.exception("points about sessions of project %s failed", state.project_id)


def _closed_to() -> datetime | None:
    """Events before it have all arrived, but for late ones."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT closed_to FROM rollup_watermarks WHERE raw_table = %s", [EVENTS.name])
        row = cursor.fetchone()
    return row[0].astimezone(UTC) if row else None


def _ensure_states(closed_to: datetime) -> None:
    """A new project is followed from now on: its first events are still to be rolled up."""
    known = SessionState.objects.values("project")
    SessionState.objects.bulk_create(
        [
            SessionState(project=project, followed_to=closed_to)
            for project in Project.objects.exclude(pk__in=known)
        ],
        ignore_conflicts=True,
    )


def _busy(closed_to: datetime) -> list[int]:
    """Projects with new events, or sessions that may be over; with the others there is nothing to look at."""
    states = SessionState.objects.filter(followed_to__lt=closed_to)
    with connection.cursor() as cursor:
        # One index probe a project: who counts the projects of all minutes reads every minute since the oldest.
        cursor.execute(
            f"""SELECT project_id FROM {SessionState._meta.db_table} AS state
                WHERE followed_to < %s AND (
                    EXISTS (SELECT FROM event_rollup_minutes AS minute
                            WHERE minute.project_id = state.project_id
                              AND bucket >= date_trunc('minute', greatest(followed_to, %s)))
                    OR EXISTS (SELECT FROM open_sessions AS open
                               WHERE open.project_id = state.project_id AND NOT is_told)
                )""",
            [closed_to, closed_to - FRESH],
        )
        busy = [project_id for (project_id,) in cursor.fetchall()]
    # Never back: another process may have gone further meanwhile.
    states.exclude(pk__in=busy).update(followed_to=Greatest(F("followed_to"), closed_to))
    return busy


def _follow_project(project_id: int, closed_to: datetime, ends_at: float) -> None:
    gap = gap_of(project_id)
    with transaction.atomic():
        state = SessionState.objects.select_for_update(skip_locked=True).filter(project=project_id).first()
        if state is None or closed_to - state.followed_to < min(gap, SHORTEST_STRETCH):
            return
        rows = OpenSession.objects.filter(project=project_id)
        if state.followed_to < closed_to - FRESH:
            # Of what happened meanwhile nothing is known, so nobody can say how long these lasted.
            rows.delete()
            state.followed_to = closed_to - FRESH
        if floor_hour(state.followed_to) < floor_hour(closed_to):
            rows.filter(is_told=True, seen_at__lt=state.followed_to - FRESH).delete()
        ended: list[float] = []
        while state.followed_to < closed_to and time.monotonic() < ends_at:
            end = min(state.followed_to + min(gap, LONGEST_STRETCH), closed_to)
            ended += _look_at(project_id, state.followed_to, end, gap)
            state.followed_to = end
        _add(state, ended)
        state.save(update_fields=["followed_to", "ended_durations"])


def _look_at(project_id: int, start: datetime, end: datetime, gap: timedelta) -> list[float]:
    """Seconds that the sessions lasted which are over at `end`."""
    seen = _seen(project_id, start, end)
    made = step(_going(project_id, seen, end - gap), seen, gap, end)
    _save(project_id, made)
    return made.ended_seconds


def _seen(project_id: int, start: datetime, end: datetime) -> dict[Key, Course]:
    """The sessions that events of a stretch belong to, by person."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""SELECT json_agg(json_build_array(identifier, session_id, first_at, last_at))::text FROM (
                   SELECT {IDENTIFIER} AS identifier, coalesce(session_id, '') AS session_id,
                          min(event_timestamp) AS first_at, max(event_timestamp) AS last_at
                   FROM telemetry_events
                   WHERE project_id = %s AND event_timestamp >= %s AND event_timestamp < %s
                     AND {WHOSE} IS NOT NULL
                   GROUP BY 1, 2) AS seen""",
            [project_id, start, end],
        )
        rows = _decoded(cursor, list[tuple[str | None, str, datetime, datetime]])
    merged = linked(project_id, sorted({row[0] for row in rows if row[0] is not None}))
    person_of = families(project_id, merged)
    seen: dict[Key, Course] = {}
    for identifier, session_id, first, last in rows:
        # Nobody's session stands for whoever it is of.
        key = (session_id if identifier is None else person_of.get(identifier, identifier), session_id)
        other = seen.get(key, Course(first, last))
        seen[key] = Course(min(first, other.started_at), max(last, other.seen_at))
    return seen


def _going(project_id: int, seen: Iterable[Key], silent_since: datetime) -> dict[Key, Course]:
    """Sessions that were seen before: those of the same units, and those that nobody has heard of since."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT json_agg(json_build_array(unit, session_id, json_build_array(started_at, seen_at, is_told)))::text
               FROM (
                   SELECT * FROM open_sessions WHERE project_id = %s AND NOT is_told AND seen_at < %s
                   UNION ALL
                   SELECT open.* FROM json_array_elements_text(%s) AS one JOIN open_sessions AS open
                       ON open.project_id = %s AND open.unit = one) AS going""",
            [project_id, silent_since, _json(sorted({unit for unit, _ in seen})), project_id],
        )
        rows = _decoded(cursor, list[tuple[str, str, tuple[datetime, datetime, bool]]])
    return {(unit, session_id): Course(*course) for unit, session_id, course in rows}


def _save(project_id: int, made: Step) -> None:
    with connection.cursor() as cursor:
        if made.forgotten:
            cursor.execute(
                "DELETE FROM open_sessions WHERE project_id = %s AND (unit, session_id) IN "
                "(SELECT one ->> 0, one ->> 1 FROM json_array_elements(%s) AS one)",
                [project_id, _json(made.forgotten)],
            )
        if made.kept:
            kept_rows = [
                (*key, course.started_at, course.seen_at, course.is_told) for key, course in made.kept.items()
            ]
            cursor.execute(
                """INSERT INTO open_sessions (project_id, unit, session_id, started_at, seen_at, is_told)
                   SELECT %s, one ->> 0, one ->> 1, (one ->> 2)::timestamptz, (one ->> 3)::timestamptz,
                          (one ->> 4)::bool
                   FROM json_array_elements(%s) AS one
                   ON CONFLICT (project_id, unit, session_id) DO UPDATE
                   SET started_at = excluded.started_at, seen_at = excluded.seen_at, is_told = excluded.is_told""",
                [project_id, _json(kept_rows)],
            )


# Rows travel as one JSON text: a value each would take Python ten times as long to read and to write.
def _json(rows: Sequence[Any]) -> str:
    return msgspec.json.encode(rows).decode()


def _decoded(cursor: CursorWrapper, kind: type[list[T]]) -> list[T]:
    """The rows of a `json_agg`, which is null over none."""
    (text,) = cursor.fetchone() or (None,)
    return msgspec.json.decode(text, type=kind) if text else []


def _add(state: SessionState, seconds: Iterable[float]) -> None:
    added = Distribution.of(seconds)
    if added.count:
        added.merge(Distribution(**state.ended_durations))
        state.ended_durations = asdict(added)


def _measure(project_id: int, now: datetime) -> bool:
    """Remember the point of this moment, and forget what it tells of; False where there is none to tell."""
    with transaction.atomic():
        state = SessionState.objects.select_for_update(skip_locked=True).filter(project=project_id).first()
        is_due = state is not None and (state.measured_at is None or state.measured_at <= now - EVERY)
        if state is None or not is_due or not state.ended_durations or state.unsent_points:
            return False
        state.unsent_points = kept(
            [{"name": METRIC, "type": "histogram", "unit": "s", "distribution": state.ended_durations}], now
        )
        state.ended_durations = {}
        state.measured_at = now
        state.save(update_fields=["unsent_points", "ended_durations", "measured_at"])
    return True


def _send(project_id: int) -> bool:
    """Send what is remembered; False when it could not be stored and has to be sent again."""
    state = SessionState.objects.filter(project=project_id)
    unsent = state.values_list("unsent_points", flat=True).first()
    if unsent and not sent(project_id, unsent):
        return False
    if unsent:
        # Another process may have sent it too, and remembered another point since.
        state.filter(unsent_points=unsent).update(unsent_points=None)
    return True
