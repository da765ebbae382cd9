"""Retention: what is expired goes, and nothing else, also when asked twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command

from events.records import EVENTS
from projects.models import Project, RetentionPolicy
from projects.retention import forget_cached_policies
from storage import memory, partitions
from storage.connections import connect
from telemetry_platform import rollups
from telemetry_platform.models import PurgeRun
from telemetry_platform.purge import planning, running
from tests.clients import ProjectClient
from tests.rolled_up import begin_rollups_now

EVENTS_PATH = "/api/v1/events"

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rollups(db: None) -> None:
    begin_rollups_now()


def purge(*arguments: str) -> str:
    output = StringIO()
    call_command("purge", *arguments, stdout=output)
    return output.getvalue()


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


def step(text: str, deed: Callable[[], str]) -> planning.Step:
    return planning.Step(text, deed, lambda: 1)


def exists(relation: str) -> bool:
    with connect() as own:
        return own.execute("SELECT to_regclass(%s)", (relation,)).fetchone() != (None,)


def test_a_dry_run_says_what_would_go_and_keeps_it(old_partition: str) -> None:
    assert f"would delete {old_partition}, the whole partition" in purge("--dry-run")
    assert exists(old_partition)


def test_a_dry_run_counts_rows_and_names_projects(api: ProjectClient, other_project: Project) -> None:
    send(api, 1, 10, 11)
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    (line,) = [line for line in purge("--dry-run").splitlines() if api.project.slug in line]
    assert line.startswith("would delete telemetry_events from before ")
    assert line.endswith(": 2 rows")
    assert names(api) == ["age 1", "age 10", "age 11"]


def test_expired_partitions_are_dropped_and_a_second_run_finds_nothing(old_partition: str) -> None:
    assert f"{old_partition}, the whole partition" in purge()
    assert not exists(old_partition)
    assert old_partition not in purge()


def test_a_project_with_a_shorter_life_loses_its_rows_and_others_keep_theirs(
    api: ProjectClient, other_api: ProjectClient
) -> None:
    send(api, 1, 5, 20)
    send(other_api, 1, 5, 20)
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    purge()
    assert names(api) == ["age 1", "age 5"]
    assert names(other_api) == ["age 1", "age 5", "age 20"]


def test_a_project_with_a_longer_life_keeps_rows_that_others_lose(
    api: ProjectClient, other_project: Project
) -> None:
    RetentionPolicy.objects.create(project=api.project, events_days=200)
    send(api, 150)
    purge()
    assert names(api) == ["age 150"]


def test_roll_ups_keep_what_a_purge_removes_and_the_day_takes_no_more(api: ProjectClient) -> None:
    # Named before anything is sent: after midnight "ten days ago" would be another day.
    late = {"event_name": "late", "timestamp": moment(10).isoformat()}
    send(api, 1, 10, 10)
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    purge()
    assert names(api) == ["age 1"]
    assert summed(api) == 3
    forget_cached_policies()
    RetentionPolicy.objects.filter(project=api.project).update(events_days=90)
    answer = api.post(EVENTS_PATH, {"events": [late, {"event_name": "new"}]}).json()
    assert [error["index"] for error in answer["errors"]] == [0]
    assert names(api) == ["new", "age 1"]


def test_rows_that_are_not_rolled_up_stay_until_they_are(api: ProjectClient) -> None:
    send(api, 1, 10)
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    report = running.purge(datetime.now(UTC))
    assert any("its roll-ups are not complete yet" in line for line in report.done)
    assert names(api) == ["age 1", "age 10"]
    purge()
    assert names(api) == ["age 1"]


def test_days_asked_for_by_hand_are_exact(api: ProjectClient) -> None:
    send(api, 0, 0.1, 1.5)
    purge("--events-days", "1")
    assert names(api) == ["age 0", "age 0.1"]


def test_a_purge_of_everything_keeps_only_the_running_hour(api: ProjectClient) -> None:
    send(api, 0, 0.1, 1.5)
    purge("--events-days", "0")
    assert names(api) == ["age 0"]
    assert summed(api) == 3


def test_a_tier_of_roll_ups_goes_after_its_days_but_not_before_its_raw_data(api: ProjectClient) -> None:
    send(api, 1, 20, 40)
    policy = RetentionPolicy.objects.create(project=api.project, rollup_minutes_days=10, rollup_hours_days=30)
    purge()
    assert tier_days(api) == {"minutes": 3, "hours": 3, "days": 3}
    policy.events_days = 15
    policy.save()
    purge()
    assert tier_days(api) == {"minutes": 1, "hours": 2, "days": 3}
    assert summed(api) == 2


def test_two_purges_at_once_remove_each_row_once(api: ProjectClient, other_project: Project) -> None:
    send(api, 1, *(10 + number / 1000 for number in range(200)))
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    rollups.roll_up(datetime.now(UTC))
    steps = planning.plan(datetime.now(UTC))
    (mine,) = [
        one for one in steps if one.text.startswith("telemetry_events") and api.project.slug in one.text
    ]
    with ThreadPoolExecutor(2) as pool:
        words = list(pool.map(lambda _: mine.run(), range(2)))
    assert sum(int(word.split()[0]) for word in words if word) == 200
    assert names(api) == ["age 1"]


def test_a_run_leaves_a_record_of_what_it_did(api: ProjectClient, other_project: Project) -> None:
    send(api, 1, 10)
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    purge()
    record = PurgeRun.objects.latest("started_at")
    assert record.ended_at
    assert [line for line in record.done if line.startswith("telemetry_events from") and "1 rows" in line]
    assert (record.failed, record.left_count) == ([], 0)


def test_no_step_begins_after_its_time() -> None:
    done: list[str] = []

    def work() -> str:
        done.append("done")
        return "done"

    assert running.run([step("one", work)], seconds=-1).left_count == 1
    assert done == []


def test_a_failing_step_does_not_stop_the_others() -> None:
    done: list[str] = []

    def fail() -> str:
        raise RuntimeError("readers everywhere")

    def work() -> str:
        done.append("second")
        return "done"

    report = running.run([step("first", fail), step("second", work)])
    assert done == ["second"]
    assert report.failed == ["first: RuntimeError"]


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


def moment(age_days: float) -> datetime:
    return datetime.now(UTC) - timedelta(days=age_days)


def summed(api: ProjectClient) -> Any:
    return value_of(
        "SELECT sum(event_count) FROM telemetry_events_hourly_summary WHERE project_id = %s", api.project.pk
    )


def tier_days(api: ProjectClient) -> dict[str, Any]:
    """Days that each tier has rows of."""
    return {
        tier: value_of(
            f"SELECT count(DISTINCT bucket::date) FROM event_rollup_{tier} WHERE project_id = %s",
            api.project.pk,
        )
        for tier in ("minutes", "hours", "days")
    }


def value_of(query: str, project_id: int) -> Any:
    with connect() as own:
        row = own.execute(query, (project_id,)).fetchone()
    assert row
    return row[0]
