"""Session pieces: how few there are, how long they live, and what an update of the platform makes of older hours."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from events.records import EVENTS
from events.rollups import EVENT_ROLLUP
from events.session_pieces import SESSION_PIECES
from projects.models import Project
from storage import partitions, purging
from storage.connections import connect
from storage.partitions import start_of
from storage.purging import Expired, Removed
from tests.clients import ProjectClient
from tests.rolled_up import begin_rollups_now, roll_everything_up

pytestmark = pytest.mark.xdist_group("event-watermark")

NOON = start_of(datetime.now(UTC).date() - timedelta(days=3)) + timedelta(hours=12)


def send(api: ProjectClient, moment: datetime, *minutes: float) -> None:
    """Events of ana, so many minutes after the moment."""
    batch = [
        {
            "event_name": "seen",
            "user_id": "ana",
            "timestamp": (moment + timedelta(minutes=minute)).isoformat(),
        }
        for minute in minutes
    ]
    assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == len(minutes)


def pieces(project: Project) -> int:
    with connect() as own:
        row = own.execute(
            "SELECT coalesce(sum(length(pieces)) / 24, 0) FROM event_session_pieces WHERE project_id = %s",
            (project.pk,),
        ).fetchone()
    return int(row[0]) if row else 0


def sessions(api: ProjectClient) -> tuple[int, float]:
    answer = api.get("/api/v1/analytics/sessions/").json()
    return answer["sessions"], answer["median_seconds"]


@pytest.mark.django_db
def test_events_of_one_five_minutes_are_one_piece_which_lives_as_long_as_they_do(api: ProjectClient) -> None:
    begin_rollups_now()
    old = NOON - timedelta(days=80)
    send(api, old, 0, 1)
    send(api, NOON, 0, 1, 4.9, 5, 7, 59, 62)
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    assert pieces(api.project) == 5
    raw, packed = (
        Expired(table, None, start_of(NOON.date()), [api.project.pk])
        for table in (EVENTS, SESSION_PIECES.table)
    )
    assert purging.delete(packed) == Removed(0), "the raw rows are still there"
    assert purging.delete(raw) == Removed(2)
    assert purging.delete(packed) == Removed(1)
    assert pieces(api.project) == 4
    assert sessions(api) == (2, 300.0)


@pytest.fixture
def _with_pieces_afterwards(transactional_db: None) -> Iterator[None]:
    yield
    migrate_to_newest()


def migrate_to_newest() -> None:
    executor = MigrationExecutor(connection)
    executor.migrate(executor.loader.graph.leaf_nodes())


@pytest.mark.usefixtures("_with_pieces_afterwards")
def test_hours_that_were_rolled_up_before_there_were_pieces_are_read_raw_until_they_have_some(
    api: ProjectClient,
) -> None:
    begin_rollups_now()
    send(api, NOON, 0, 1)
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    MigrationExecutor(connection).migrate([("events", "0008_trails")])
    migrate_to_newest()
    partitions.forget_known()
    assert (pieces(api.project), sessions(api)) == (0, (1, 60.0))
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    assert (pieces(api.project), sessions(api)) == (1, (1, 60.0))
