"""The page "Storage and retention": what is there, what goes when, and the purge that a worker is asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from events.records import EVENTS
from projects.models import Job, Project, RetentionPolicy
from storage import partitions, sizes
from storage.connections import connect
from storage.distribution.steps import is_distributed
from storage.partitions import start_of
from storage.rollups.watermarks import State
from telemetry_platform.models import PurgeRun
from telemetry_platform.retention_page import tiles
from tests.admin import member_client, superuser_client
from tests.clients import ProjectClient
from tests.rolled_up import begin_rollups_now

pytestmark = pytest.mark.django_db


def page(query: str = "") -> str:
    return superuser_client().get(reverse("storage") + query).content.decode()


def test_only_superusers_come_in(project: Project, client: Client) -> None:
    member = member_client(project, "projects.retentionpolicy")
    assert member.get(reverse("storage")).status_code == 403
    assert member.post(reverse("start_job"), {"job": "purge"}).status_code == 403
    assert "/login/" in client.get(reverse("storage")).headers["Location"]
    assert "Storage and retention" not in member.get(reverse("admin:index")).content.decode()
    assert reverse("storage") in superuser_client().get(reverse("admin:index")).content.decode()


def test_every_table_is_there_with_its_life_and_its_roll_ups(
    project: Project, other_project: Project
) -> None:
    RetentionPolicy.objects.create(project=project, events_days=7, traces_days=400)
    text = page()
    for name in ("telemetry_events", "event_rollup_hours", "metric_points", "business_metrics", "traces"):
        assert f'<tbody id="{name}"' in text
    assert f"{project.slug} 7, others 90 days" in text
    assert f"{project.slug} 400, others 365 days" in text


def test_the_days_of_a_table_are_shown_when_it_is_opened() -> None:
    day = datetime.now(UTC).date() - timedelta(days=3)
    partitions.ensure(EVENTS, [day])
    name = partitions.partition_name(EVENTS.name, day)
    assert name not in page()
    assert name in page("?table=telemetry_events")
    assert name not in page("?table=no_such_table")


def test_oldest_and_newest_come_from_the_statistics(api: ProjectClient) -> None:
    noon = start_of(datetime.now(UTC).date() - timedelta(days=5)) + timedelta(hours=12)
    batch = [
        {"event_name": f"n{number}", "timestamp": (noon + timedelta(minutes=number)).isoformat()}
        for number in range(60)
    ]
    api.post("/api/v1/events", {"events": batch})
    name = partitions.partition_name(EVENTS.name, noon.date())
    with connect() as own:
        # All tables: values of other columns must not be taken for times.
        own.execute("ANALYZE")
        if is_distributed(own, EVENTS.name):
            pytest.skip("the coordinator has no statistics of rows that lie on workers (docs/citus.md)")
        found = sizes.time_ranges(own, {name: EVENTS.time_column})[name]
    assert found.oldest <= noon
    assert found.newest >= noon + timedelta(minutes=59)
    assert f"{found.newest.astimezone(UTC):%H:%M:%S}" in page("?table=telemetry_events")


def test_a_preview_says_what_the_command_says(api: ProjectClient, other_project: Project) -> None:
    old = {"event_name": "old", "timestamp": (timezone.now() - timedelta(days=10)).isoformat()}
    api.post("/api/v1/events", old)
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    output = StringIO()
    call_command("purge", "--dry-run", stdout=output)
    (line,) = [line for line in output.getvalue().splitlines() if api.project.slug in line]
    assert line.removeprefix("would delete ") in page("?preview=1")


def test_the_last_run_and_its_failures_are_shown() -> None:
    assert tiles.purge_tile(None, "", timezone.now()).value == "none yet"
    PurgeRun.objects.create(
        started_at=timezone.now(), ended_at=timezone.now(),
        done=["traces_p20260101, the whole partition (1.0 MB): dropped"], failed=["metric_points: TimeoutError"],
    )  # fmt: skip
    text = page()
    assert "1 steps done, 1 failed" in text
    assert "traces_p20260101, the whole partition" in text
    assert "metric_points: TimeoutError" in text


def test_roll_ups_that_keep_up_are_told_from_those_that_do_not() -> None:
    begin_rollups_now()
    now = timezone.now()
    assert "no hour waits" in page() or "wait to be added up again" in page()
    closed = [
        State("traces", now - timedelta(minutes=1), 0),
        State("metric_points", now - timedelta(minutes=20), 3),
    ]
    assert tiles.rollup_tile(closed[:1], now).state == "quiet"
    late = tiles.rollup_tile(closed, now)
    assert (late.state, "in metric_points" in late.note) == ("warning", True)


def test_a_purge_that_runs_is_shown_with_its_progress() -> None:
    client = superuser_client()
    answer = client.post(reverse("start_job"), {"job": "purge"})
    job = Job.objects.get()
    assert answer.headers["Location"] == reverse("job", args=[job.pk])
    Job.objects.update(status="running", done_ratio=0.25)
    text = client.get(reverse("storage")).content.decode()
    assert reverse("job", args=[job.pk]) in text
    assert 'value="25"' in text


def test_the_number_of_queries_does_not_depend_on_what_is_there(
    project: Project, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    """Beside these the engine room asks five times: partitions, sizes, times, database, roll-ups."""
    RetentionPolicy.objects.create(project=project, events_days=7)
    client = superuser_client()
    with django_assert_max_num_queries(8):
        client.get(reverse("storage") + "?table=telemetry_events")
