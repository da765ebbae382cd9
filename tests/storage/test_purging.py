"""Removing partitions and rows: never long in the way of writers, safe to interrupt, exact about what is frozen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from events.records import EVENTS
from events.rollups import EVENT_ROLLUP
from projects.models import Project
from storage import partitions, purging
from storage.connections import connect
from storage.partitions import Partition, start_of
from storage.purging import HELD, MORE, NOT_ROLLED_UP, RAW_IS_KEPT, Expired, Removed
from telemetry_platform.rollups import roll_up
from tests.clients import ProjectClient
from tests.copied_events import copy_event
from tests.rolled_up import begin_rollups_now

pytestmark = pytest.mark.django_db

EVENTS_PATH = "/api/v1/events"
BIG_DAY_ROWS = 20_000
LONGEST_POST_SECONDS = 2.0
"""Ten times what a purge may hold writers up, for slow machines."""


@pytest.fixture
def day() -> date:
    """A day of its own for each run of a test: frozen days and partitions outlive it."""
    begin_rollups_now()
    taken = days_left() | set(
        value_of("SELECT array_agg(day) FROM frozen_days WHERE raw_table = %s", EVENTS.name) or []
    )
    today = datetime.now(UTC).date()
    return next(one for age in range(45, 85) if (one := today - timedelta(days=age)) not in taken)


def send(api: ProjectClient, day: date, count: int = 1) -> None:
    noon = start_of(day) + timedelta(hours=12)
    batch = [
        {"event_name": f"number {number}", "timestamp": (noon + timedelta(minutes=number)).isoformat()}
        for number in range(count)
    ]
    assert api.post(EVENTS_PATH, {"events": batch}).json()["accepted"] == count


def partition_of(day: date) -> Partition:
    (found,) = [partition for partition in partitions.partitions(EVENTS) if partition.day == day]
    return found


def days_left() -> set[date]:
    return {partition.day for partition in partitions.partitions(EVENTS)}


def whole(day: date, project: Project) -> Expired:
    return Expired(EVENTS, None, start_of(day) + timedelta(days=1), [project.pk])


def rows_of(project: Project) -> Any:
    return value_of("SELECT count(*) FROM telemetry_events WHERE project_id = %s", project.pk)


def frozen(day: date) -> Any:
    return value_of("SELECT array_agg(project_id ORDER BY project_id) FROM frozen_days WHERE day = %s", day)


def value_of(query: str, parameter: object) -> Any:
    with connect() as own:
        row = own.execute(query, (parameter,)).fetchone()
    assert row
    return row[0]


@contextmanager
def reader() -> Iterator[None]:
    """Somebody who looks at all events for a while."""
    with connect() as own, own.transaction():
        own.execute("SELECT count(*) FROM telemetry_events")
        yield


def test_a_drop_gives_up_while_a_reader_holds_it_and_works_afterwards(
    api: ProjectClient, day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(api, day)
    roll_up(datetime.now(UTC))
    partition = partition_of(day)
    monkeypatch.setattr(purging, "ATTEMPTS", 2)
    with reader():
        assert purging.drop(EVENTS, partition) == Removed(0, HELD)
    assert frozen(day) is None
    assert purging.drop(EVENTS, partition) == Removed(1)
    assert purging.drop(EVENTS, partition) == Removed(0)
    assert day not in days_left()


def test_a_drop_freezes_the_day_for_the_projects_that_lost_rows(
    api: ProjectClient, other_api: ProjectClient, day: date
) -> None:
    send(api, day)
    roll_up(datetime.now(UTC))
    purging.drop(EVENTS, partition_of(day))
    assert frozen(day) == [api.project.pk]
    send(other_api, day)
    assert rows_of(other_api.project) == 1


def test_a_day_with_late_rows_that_are_not_added_up_stays(api: ProjectClient, day: date) -> None:
    send(api, day, 3)
    assert purging.drop(EVENTS, partition_of(day)) == Removed(0, NOT_ROLLED_UP)
    assert purging.delete(whole(day, api.project)) == Removed(0, NOT_ROLLED_UP)
    assert (rows_of(api.project), frozen(day)) == (3, None)
    roll_up(datetime.now(UTC))
    assert purging.delete(whole(day, api.project)) == Removed(3)


def test_rows_of_one_project_go_and_only_its_day_is_frozen(
    api: ProjectClient, other_api: ProjectClient, day: date
) -> None:
    send(api, day, 30)
    send(other_api, day, 30)
    roll_up(datetime.now(UTC))
    assert purging.count(whole(day, api.project), 20) == 20
    assert purging.delete(whole(day, api.project)) == Removed(30)
    assert purging.delete(whole(day, api.project)) == Removed(0)
    assert (rows_of(api.project), rows_of(other_api.project)) == (0, 30)
    assert frozen(day) == [api.project.pk]


def test_a_delete_that_ends_early_is_finished_by_the_next_one(
    api: ProjectClient, day: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(api, day, 30)
    roll_up(datetime.now(UTC))
    with monkeypatch.context() as patch:
        patch.setattr(purging, "DELETE_SLICE", timedelta(minutes=1))
        patch.setattr(purging, "DELETE_SECONDS", 0.0)
        assert purging.delete(whole(day, api.project)) == Removed(2, MORE)
    assert purging.delete(whole(day, api.project)) == Removed(28)
    assert rows_of(api.project) == 0


def test_a_big_day_goes_while_single_events_come_in(
    api: ProjectClient, other_api: ProjectClient, day: date
) -> None:
    """By deletes for one project, then by DROP for all, with a reader in the way half of the time."""
    for one in (api, other_api):
        fill(one, day)
    roll_up(datetime.now(UTC))
    with ThreadPoolExecutor(2) as pool:
        deleting = pool.submit(purging.delete, whole(day, api.project))
        assert post_until_done(api, deleting) == Removed(BIG_DAY_ROWS)
        with reader():
            dropping = pool.submit(purging.drop, EVENTS, partition_of(day))
            posted = [post(api) for _ in range(20)]
        assert post_until_done(api, dropping) == Removed(1)
    assert max(posted) < LONGEST_POST_SECONDS
    assert day not in days_left()
    assert rows_of(other_api.project) == 0


def fill(api: ProjectClient, day: date) -> None:
    """A day of events, noted as late; one comes by HTTP, which makes the partition."""
    send(api, day)
    noon = start_of(day) + timedelta(hours=12)
    copy_event(api.project, api.project, noon, BIG_DAY_ROWS - 1, timedelta(seconds=1))
    with connect() as own:
        own.execute(
            "INSERT INTO rollup_invalidations (raw_table, project_id, hour) "
            "SELECT 'telemetry_events', %s, hour FROM generate_series(%s::timestamptz, %s, '1 hour') AS hour",
            (api.project.pk, start_of(day), start_of(day) + timedelta(hours=23)),
        )


def post_until_done(api: ProjectClient, running: Future[Removed]) -> Removed:
    while not running.done():
        assert post(api) < LONGEST_POST_SECONDS
    return running.result()


def post(api: ProjectClient) -> float:
    began = time.monotonic()
    assert api.post(EVENTS_PATH, {"event_name": "now"}).status_code == 202
    return time.monotonic() - began


def test_added_up_rows_stay_while_the_raw_rows_of_their_day_do(api: ProjectClient, day: date) -> None:
    """Else a late event of that day would be added up with hours that are gone."""
    send(api, day)
    roll_up(datetime.now(UTC))
    hours, minutes = EVENT_ROLLUP.hours.table, EVENT_ROLLUP.minutes.table
    end = start_of(day) + timedelta(days=1)
    assert purging.delete(Expired(hours, None, end, [api.project.pk])) == Removed(0)
    (minute_partition,) = [one for one in partitions.partitions(minutes) if one.day == day]
    assert purging.drop(minutes, minute_partition) == Removed(0, RAW_IS_KEPT)
    assert purging.drop(EVENTS, partition_of(day)) == Removed(1)
    assert purging.delete(Expired(hours, None, end, [api.project.pk])) == Removed(1)
    assert purging.drop(minutes, minute_partition) == Removed(1)
