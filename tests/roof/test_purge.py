"""Retention: what is expired goes, and nothing else, also when asked twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command

from events.records import EVENTS
from projects.models import Project, RetentionPolicy
from storage import memory, partitions
from storage.connections import connect
from telemetry_platform import purge
from tests.clients import ProjectClient

EVENTS_PATH = "/api/v1/events"

pytestmark = pytest.mark.django_db


def send(api: ProjectClient, *ages_days: float) -> None:
    now = datetime.now(UTC)
    batch = [
        {"event_name": f"age {age}", "timestamp": (now - timedelta(days=age)).isoformat()}
        for age in ages_days
    ]
    assert api.post(EVENTS_PATH, {"events": batch}).json()["accepted"] == len(ages_days)


def names(api: ProjectClient) -> list[str]:
    return [row["event_name"] for row in api.results(EVENTS_PATH)]


@pytest.fixture
def old_partition() -> Iterator[str]:
    """A day that no project keeps any more; 2019, so that no other test looks at it."""
    day = datetime(2019, 3, 1, tzinfo=UTC).date()
    partitions.ensure(EVENTS, [day])
    yield partitions.partition_name("telemetry_events", day)
    partitions.forget_known()


def step(text: str, deed: Callable[[], str]) -> purge.Step:
    return purge.Step(text, deed, lambda: 1)


def exists(relation: str) -> bool:
    with connect() as own:
        return own.execute("SELECT to_regclass(%s)", (relation,)).fetchone() != (None,)


def test_a_dry_run_says_what_would_go_and_keeps_it(old_partition: str) -> None:
    output = StringIO()
    call_command("purge", "--dry-run", stdout=output)
    assert f"would delete {old_partition}, the whole partition" in output.getvalue()
    assert exists(old_partition)


def test_a_dry_run_counts_rows_and_names_projects(api: ProjectClient) -> None:
    send(api, 1, 10, 11)
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    output = StringIO()
    call_command("purge", "--dry-run", stdout=output)
    lines = [line for line in output.getvalue().splitlines() if api.project.slug in line]
    assert [line.rsplit(": ", 1)[1] for line in lines] == ["1 rows", "1 rows"]
    assert names(api) == ["age 1", "age 10", "age 11"]


def test_expired_partitions_are_dropped_and_a_second_run_finds_nothing(old_partition: str) -> None:
    call_command("purge", stdout=StringIO())
    assert not exists(old_partition)
    output = StringIO()
    call_command("purge", stdout=output)
    assert old_partition not in output.getvalue()


def test_a_project_with_a_shorter_life_loses_its_rows_and_others_keep_theirs(
    api: ProjectClient, other_api: ProjectClient
) -> None:
    send(api, 1, 5, 20)
    send(other_api, 1, 5, 20)
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    purge.run(purge.plan(datetime.now(UTC)))
    assert names(api) == ["age 1", "age 5"]
    assert names(other_api) == ["age 1", "age 5", "age 20"]


def test_a_project_with_a_longer_life_keeps_rows_that_others_lose(
    api: ProjectClient, other_project: Project
) -> None:
    RetentionPolicy.objects.create(project=api.project, events_days=200)
    send(api, 150)
    purge.run(purge.plan(datetime.now(UTC)))
    assert names(api) == ["age 150"]


def test_days_asked_for_by_hand_are_exact(api: ProjectClient) -> None:
    send(api, 0, 0.01, 1.5)
    call_command("purge", "--events-days", "1", stdout=StringIO())
    assert names(api) == ["age 0", "age 0.01"]
    call_command("purge", "--events-days", "0", stdout=StringIO())
    assert names(api) == []


def test_no_step_begins_after_its_time() -> None:
    done: list[str] = []

    def work() -> str:
        done.append("done")
        return "done"

    purge.run([step("one", work)], seconds=-1)
    assert done == []


def test_a_failing_step_does_not_stop_the_others() -> None:
    done: list[str] = []

    def fail() -> str:
        raise RuntimeError("readers everywhere")

    def work() -> str:
        done.append("second")
        return "done"

    purge.run([step("first", fail), step("second", work)])
    assert done == ["second"]


def test_old_identities_and_receipts_are_forgotten(api: ProjectClient) -> None:
    api.post(EVENTS_PATH, {"event_name": "x", "id": "a"}, HTTP_IDEMPOTENCY_KEY="k")
    assert remembered(api) == (1, 1)
    memory.purge(datetime.now(UTC) + timedelta(hours=25))
    assert remembered(api) == (1, 0)
    memory.purge(datetime.now(UTC) + timedelta(hours=49))
    assert remembered(api) == (0, 0)


def remembered(api: ProjectClient) -> tuple[int, int]:
    with connect() as own:
        row = own.execute(
            "SELECT (SELECT count(*) FROM ingest_identities WHERE project_id = %(project)s), "
            "(SELECT count(*) FROM ingest_receipts WHERE project_id = %(project)s)",
            {"project": api.project.pk},
        ).fetchone()
    assert row
    return row[0], row[1]
