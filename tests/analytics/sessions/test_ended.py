"""Sessions that are over become metric points, each once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import DjangoAssertNumQueries

from analytics.journeys.changes import event_rollup
from analytics.models.sessions import OpenSession, SessionState
from analytics.sessions import following
from analytics.sessions.ended import Course, Key, step
from projects.models import Project
from storage import writer
from storage.rollups import engine
from storage.rollups.engine import floor_hour
from storage.writer import QueueFull
from telemetry_platform.tasks import follow_sessions
from tests.analytics import naive
from tests.clients import ProjectClient, client_of, counts
from tests.conftest import make_project
from tests.rolled_up import begin_rollups_now

GAP = timedelta(minutes=30)
START = datetime(2026, 1, 1, tzinfo=UTC)

MOMENTS = st.integers(0, 300)
"""Minutes after START."""


@given(
    events=st.lists(st.tuples(MOMENTS, st.sampled_from("ab"), st.sampled_from(["", "", "s"])), max_size=25),
    stretches=st.lists(st.integers(1, 30), min_size=30, max_size=30),
)
def test_every_session_is_told_once_however_the_events_are_cut_into_stretches(
    events: list[tuple[int, str, str]], stretches: list[int]
) -> None:
    going: dict[Key, Course] = {}
    told: list[float] = []
    low = 0
    for length in [*stretches, *[30] * 15]:
        seen = _seen([event for event in events if low <= event[0] < low + length])
        low += length
        made = step(going, seen, GAP, _at(low))
        for key in made.forgotten:
            del going[key]
        going |= made.kept
        told += made.ended_seconds
    assert sorted(told) == sorted(_told_by_hand(events))


def _at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def _seen(events: list[tuple[int, str, str]]) -> dict[Key, Course]:
    seen: dict[Key, Course] = {}
    for minute, unit, session_id in sorted(events):
        before = seen.get((unit, session_id))
        seen[unit, session_id] = Course(before.started_at if before else _at(minute), _at(minute))
    return seen


def _told_by_hand(events: list[tuple[int, str, str]]) -> list[float]:
    """A session with an id lasts, for this, until the first silence."""
    told = []
    for key in {(unit, session_id) for _, unit, session_id in events}:
        own = [{"timestamp": _at(minute), "id": ""} for minute, *of in sorted(events) if tuple(of) == key]
        runs = naive.sessions_of(own, GAP)
        told += [
            (run[-1]["timestamp"] - run[0]["timestamp"]).total_seconds()
            for run in (runs[:1] if key[1] else runs)
        ]
    return told


HOUR = timedelta(hours=1)
BEGIN = floor_hour(datetime.now(UTC)) - 4 * HOUR
"""Of what is followed: it ends before this hour, which is not rolled up."""


@pytest.fixture
def followed(db: None, project: Project) -> Project:
    """A project whose events have been followed up to BEGIN."""
    begin_rollups_now()
    SessionState.objects.create(project=project, followed_to=BEGIN)
    return project


def send(api: ProjectClient, *events: tuple[float, str, str | None]) -> None:
    """`(minutes after BEGIN, user, session id)`."""
    batch = [
        {
            "event_name": "seen",
            "user_id": user,
            "session_id": session_id,
            "timestamp": (BEGIN + timedelta(minutes=after)).isoformat(),
        }
        for after, user, session_id in events
    ]
    assert counts(api.post("/api/v1/events", {"events": batch})) == (len(events), 0, 0)
    assert engine.recompute(event_rollup())


def told(api: ProjectClient, minutes: float) -> list[tuple[int, float]]:
    """Follow for so many minutes after BEGIN: `(count, sum)` of each point so far."""
    following.follow_to(BEGIN + timedelta(minutes=minutes))
    following.write(BEGIN + timedelta(minutes=minutes))
    points = api.results(f"/api/v1/metrics/?metric_name={following.METRIC}")[::-1]
    return [(point["count"], point["sum"]) for point in points]


def test_a_session_is_told_when_nobody_has_heard_of_it_for_the_gap(
    api: ProjectClient, followed: Project
) -> None:
    send(api, (0, "ana", None), (20, "ana", None), (10, "bo", "s"), (60, "ana", None))
    assert told(api, 40) == []
    assert told(api, 45) == [(1, 0)]
    assert told(api, 90) == [(1, 0), (1, 20 * 60)]
    assert told(api, 95) == [(1, 0), (1, 20 * 60), (1, 0)]
    assert told(api, 200) == [(1, 0), (1, 20 * 60), (1, 0)]
    assert set(OpenSession.objects.filter(project=followed).values_list("unit", "is_told")) == {("bo", True)}


def test_the_project_s_own_gap_counts(api: ProjectClient, followed: Project) -> None:
    Project.objects.filter(pk=followed.pk).update(session_gap_minutes=5)
    send(api, (0, "ana", None), (4, "ana", None), (10, "ana", None))
    assert told(api, 30) == [(2, 4 * 60)]


def test_a_session_with_an_id_that_goes_on_later_is_told_once(api: ProjectClient, followed: Project) -> None:
    send(api, (0, "ana", "s"), (5, "ana", "s"), (100, "ana", "s"))
    assert told(api, 60) == [(1, 5 * 60)]
    assert told(api, 200) == [(1, 5 * 60)]


def test_late_events_and_repeated_passes_tell_nothing_twice(api: ProjectClient, followed: Project) -> None:
    send(api, (0, "ana", None), (5, "ana", None))
    assert told(api, 60) == [(1, 5 * 60)]
    send(api, (6, "ana", None), (3, "late", None))
    SessionState.objects.filter(project=followed).update(measured_at=None)
    assert told(api, 120) == [(1, 5 * 60)]
    assert told(api, 120) == [(1, 5 * 60)]


def test_people_are_one_whatever_id_they_go_by(api: ProjectClient, followed: Project) -> None:
    api.post("/v1/identify", {"anonymousId": "phone", "userId": "ana"})
    send(api, (0, "phone", None), (10, "ana", None), (12, "bo", None))
    assert told(api, 60) == [(2, 10 * 60)]


def test_events_of_nobody_are_no_session_unless_they_name_one(api: ProjectClient, followed: Project) -> None:
    send(api, (0, "", None), (1, "", "s"), (3, "", "s"))
    assert told(api, 60) == [(1, 2 * 60)]


def test_a_project_whose_state_is_broken_stops_no_other(api: ProjectClient, followed: Project) -> None:
    broken = client_of(make_project("broken"))
    SessionState.objects.create(project=broken.project, followed_to=BEGIN, ended_durations={"colour": 1})
    for one in (broken, api):
        send(one, (0, "ana", None), (5, "ana", None))
    assert told(api, 60) == [(1, 5 * 60)]
    assert SessionState.objects.get(project=broken.project).followed_to == BEGIN


def test_projects_with_nothing_to_tell_cost_no_query_each(
    followed: Project, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    SessionState.objects.create(project=make_project("idle"), followed_to=BEGIN)
    with django_assert_num_queries(1):
        following.write(BEGIN + HOUR)


def test_a_point_that_could_not_be_stored_is_stored_later_and_once(
    api: ProjectClient, followed: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(api, (0, "ana", None), (5, "ana", None))
    with monkeypatch.context() as patched:
        patched.setattr(writer.GroupWriter, "write", _refuse)
        following.follow_to(BEGIN + HOUR)
        following.write(BEGIN + HOUR)
    state = SessionState.objects.get(project=followed)
    assert state.unsent_points
    assert told(api, 61) == [(1, 5 * 60)]
    # The answer of the writer was lost: the same point once more.
    SessionState.objects.filter(project=followed).update(unsent_points=state.unsent_points)
    assert told(api, 62) == [(1, 5 * 60)]


def _refuse(*_: Any) -> None:
    raise QueueFull


def test_a_task_whose_time_is_over_ends_at_once(api: ProjectClient, followed: Project) -> None:
    send(api, (0, "ana", None))
    with connection.execute_wrapper(_out_of_time), pytest.raises(SoftTimeLimitExceeded):
        following.follow_to(BEGIN + HOUR)
    following.follow_to(BEGIN + HOUR)
    with connection.execute_wrapper(_out_of_time), pytest.raises(SoftTimeLimitExceeded):
        following.write(BEGIN + HOUR)
    assert told(api, 61) == [(1, 0)]


def _out_of_time(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
    """Celery raises it wherever the task is; here in the midst of a project."""
    if "FOR UPDATE" in sql:
        raise SoftTimeLimitExceeded
    return execute(sql, *rest)


def test_after_a_long_outage_nothing_is_told_of_what_nobody_followed(
    api: ProjectClient, followed: Project
) -> None:
    send(api, (10, "ana", None))
    OpenSession.objects.create(
        project=followed, unit="bo", session_id="", started_at=BEGIN - 40 * HOUR, seen_at=BEGIN - 39 * HOUR
    )
    SessionState.objects.filter(project=followed).update(followed_to=BEGIN - 30 * HOUR)
    assert told(api, 60) == [(1, 0)]


def test_the_worker_follows_every_project_from_the_time_it_is_made(followed: Project) -> None:
    other = make_project("new")
    follow_sessions.apply().get()
    states = SessionState.objects.filter(project__in=[followed, other])
    (followed_to,) = set(states.values_list("followed_to", flat=True))
    assert followed_to >= BEGIN + 4 * HOUR
