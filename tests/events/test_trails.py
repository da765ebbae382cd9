"""People's trails: who has which number, for how long, and what an update of the platform makes of older hours."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from events.records import EVENTS
from events.rollups import EVENT_ROLLUP
from events.trails import IDENTIFIERS, TRAILS
from projects.models import Project
from storage import partitions, purging
from storage.connections import connect
from storage.partitions import start_of
from storage.purging import MORE, Expired, Removed
from tests.clients import ProjectClient
from tests.rolled_up import begin_rollups_now, roll_everything_up

TODAY = datetime.now(UTC).date()
FUNNEL = {"steps": [{"event_name": "visit"}, {"event_name": "paid"}]}


def send(api: ProjectClient, day: date, *events: tuple[str | None, str]) -> None:
    """Events of (user, name), a minute after each other; without a user, of a session."""
    noon = start_of(day) + timedelta(hours=12)
    batch = [
        {
            "event_name": name,
            "user_id": user,
            "session_id": "s1",
            "timestamp": (noon + timedelta(minutes=minute)).isoformat(),
        }
        for minute, (user, name) in enumerate(events)
    ]
    assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == len(events)


def rows(query: str, project: Project) -> list[tuple[Any, ...]]:
    with connect() as own:
        return own.execute(query, (project.pk,)).fetchall()


def numbers(project: Project) -> dict[str, int]:
    return dict(rows("SELECT identifier, number FROM event_identifiers WHERE project_id = %s", project))


def trails(project: Project) -> dict[str, int]:
    """How many events the trails hold of each name."""
    query = "SELECT event_name, sum(length(numbers)) / 4 FROM event_trails WHERE project_id = %s GROUP BY 1"
    return dict(rows(query, project))


def counts(api: ProjectClient) -> list[int]:
    answer = api.post("/api/v1/analytics/funnel/", FUNNEL)
    assert answer.status_code == 200, answer.content
    return [step["count"] for step in answer.json()["steps"]]


@pytest.mark.django_db
@pytest.mark.xdist_group("event-watermark")
def test_everybody_keeps_a_number_and_each_project_counts_from_one(
    api: ProjectClient, other_api: ProjectClient
) -> None:
    begin_rollups_now()
    send(api, TODAY - timedelta(days=3), ("ana", "visit"), ("bo", "visit"), (None, "visit"))
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    first = numbers(api.project)
    assert sorted(first) == ["ana", "bo"]
    assert sorted(first.values()) == [1, 2]
    send(api, TODAY - timedelta(days=2), ("cy", "visit"), ("ana", "paid"))
    send(other_api, TODAY - timedelta(days=2), ("ana", "visit"))
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    assert numbers(api.project) == {**first, "cy": 3}
    assert numbers(other_api.project) == {"ana": 1}
    assert trails(api.project) == {"visit": 3, "paid": 1}
    assert (counts(api), counts(other_api)) == ([3, 1], [1, 0])


@pytest.mark.django_db
@pytest.mark.xdist_group("event-watermark")
def test_trails_go_with_the_roll_ups_by_hour_and_people_when_none_of_theirs_is_left(
    api: ProjectClient,
) -> None:
    begin_rollups_now()
    old, young = TODAY - timedelta(days=80), TODAY - timedelta(days=3)
    send(api, old, ("ana", "visit"), ("bo", "visit"))
    send(api, young, ("bo", "paid"))
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    end = start_of(young)
    raw = Expired(EVENTS, None, end, [api.project.pk])
    expired = [Expired(tier.table, None, end, [api.project.pk]) for tier in (TRAILS, IDENTIFIERS)]
    assert [purging.delete(one) for one in expired] == [Removed(0), Removed(0)], (
        "the raw rows are still there"
    )
    assert purging.delete(raw) == Removed(2)
    assert [purging.delete(one) for one in expired] == [Removed(1), Removed(1)]
    assert trails(api.project) == {"paid": 1}
    assert list(numbers(api.project)) == ["bo"]


@pytest.mark.django_db
def test_people_of_one_month_go_some_at_a_time(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "DELETE_ROWS", 2)
    expired = seen_last_year(project, 5)
    with monkeypatch.context() as patch:
        patch.setattr(purging, "DELETE_SECONDS", 0.0)
        assert purging.delete(expired) == Removed(2, MORE)
    assert len(numbers(project)) == 3
    assert purging.delete(expired) == Removed(3)
    assert purging.delete(expired) == Removed(0)


@pytest.mark.django_db
def test_who_comes_back_while_their_month_is_deleted_keeps_the_number(project: Project) -> None:
    expired = seen_last_year(project, 3)
    with connect() as own, ThreadPoolExecutor(1) as pool:
        with own.transaction():
            own.execute(
                "UPDATE event_identifiers SET seen_before = now() + interval '1 month' "
                "WHERE project_id = %s AND identifier = 'user 2'",
                (project.pk,),
            )
            deleting = pool.submit(purging.delete, expired)
            while not somebody_waits_for_a_row() and not deleting.done():
                pass
        assert deleting.result() == Removed(2)
    assert numbers(project) == {"user 2": 2}


def seen_last_year(project: Project, count: int) -> Expired:
    """So many people who were last seen in the same month, which has expired."""
    end = start_of(TODAY.replace(month=1, day=1))
    with connect() as own:
        own.execute(
            "INSERT INTO event_identifiers (project_id, identifier, number, seen_before) "
            "SELECT %s, 'user ' || number, number, %s FROM generate_series(1, %s) AS number",
            (project.pk, end - timedelta(days=31), count),
        )
    return Expired(IDENTIFIERS.table, None, end, [project.pk])


def somebody_waits_for_a_row() -> bool:
    with connect() as own:
        waiting = own.execute("SELECT FROM pg_locks WHERE locktype = 'transactionid' AND NOT granted")
        return waiting.fetchone() is not None


def migrate_to(target: Sequence[tuple[str, str]]) -> None:
    MigrationExecutor(connection).migrate(target)


def migrate_to_newest() -> None:
    migrate_to(MigrationExecutor(connection).loader.graph.leaf_nodes())


@pytest.fixture
def _with_trails_afterwards(transactional_db: None) -> Iterator[None]:
    yield
    migrate_to_newest()


@pytest.mark.usefixtures("_with_trails_afterwards")
@pytest.mark.xdist_group("event-watermark")
def test_hours_that_were_rolled_up_before_there_were_trails_are_read_raw_until_they_have_some(
    api: ProjectClient,
) -> None:
    begin_rollups_now()
    day = TODAY - timedelta(days=3)
    send(api, day, ("ana", "visit"), ("ana", "paid"))
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    migrate_to([("events", "0007_deploys")])
    migrate_to_newest()
    partitions.forget_known()
    assert trails(api.project) == {}
    assert counts(api) == [1, 1]
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    assert trails(api.project) == {"visit": 1, "paid": 1}
    assert counts(api) == [1, 1]
