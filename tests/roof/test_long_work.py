"""Work on the whole store as jobs: adding roll-ups up again day by day, and the purge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery, current_app
from celery.exceptions import Retry
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from events.rollups import EVENT_ROLLUP
from projects.jobs import hints, running
from projects.models import Job, JobStatus, Project, RetentionPolicy
from storage.connections import connect
from telemetry_platform import leases, tasks
from telemetry_platform.models import PurgeRun
from tests.admin import superuser_client
from tests.clients import ProjectClient
from tests.rolled_up import begin_rollups_now, roll_everything_up

pytestmark = pytest.mark.django_db

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)
DAY = timedelta(days=1)


@pytest.fixture
def superuser() -> Client:
    return superuser_client()


def start(client: Client, kind: str, **given: str) -> Job:
    client.post(reverse("start_job"), {"job": kind, **given})
    return Job.objects.latest("pk")


def finish(job: Job, seconds: float = 60) -> None:
    """Slices of a worker until it has ended."""
    for _ in range(1000):
        running.run_slice(seconds)
        job.refresh_from_db()
        if job.finished_at:
            return
    raise AssertionError("the job doesn't end")


def send(api: ProjectClient, *moments: datetime) -> None:
    batch = [{"event_name": f"n{n}", "timestamp": moment.isoformat()} for n, moment in enumerate(moments)]
    assert api.post("/api/v1/events", {"events": batch}).json()["accepted"] == len(moments)


def added_up(project: Project) -> int:
    with connect() as own:
        row = own.execute(
            "SELECT coalesce(sum(event_count), 0) FROM event_rollup_hours WHERE project_id = %s",
            (project.pk,),
        ).fetchone()
    return int(row[0]) if row else 0


def spoil(project: Project) -> None:
    """Roll-ups that say something else than the raw rows."""
    with connect() as own:
        own.execute(
            "UPDATE event_rollup_hours SET event_count = event_count + 1000 WHERE project_id = %s",
            (project.pk,),
        )


@pytest.mark.parametrize("seconds", [60, 1e-9])
def test_roll_ups_are_added_up_again_from_raw_rows_however_short_the_slices(
    api: ProjectClient, superuser: Client, seconds: float
) -> None:
    begin_rollups_now()
    send(api, NOON, NOON + timedelta(hours=3), NOON - DAY)
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    spoil(api.project)
    assert added_up(api.project) == 3003
    first, last = (f"{moment:%Y-%m-%d}" for moment in (NOON - DAY, NOON + DAY))
    job = start(superuser, "rebuild_rollups", start=first, end=last)
    finish(job, seconds)
    assert (job.status, job.error) == (JobStatus.DONE, "")
    assert added_up(api.project) == 3
    assert job.done_count >= 2, "days of roll-ups"


@pytest.mark.parametrize(
    ("start_text", "end_text", "words"),
    [("soon", "", "written like"), ("2026-02-01", "2026-01-01", "From has to lie before to")],
)
def test_a_rebuild_of_no_time_is_refused_where_the_form_is(
    superuser: Client, start_text: str, end_text: str, words: str
) -> None:
    given = {"job": "rebuild_rollups", "start": start_text, "end": end_text}
    headers = {"Referer": f"http://testserver{reverse('storage')}"}
    answer = superuser.post(reverse("start_job"), given, headers=headers, follow=True)
    assert "Storage and retention" in answer.content.decode()
    assert words in answer.content.decode()


def test_a_purge_as_a_job_removes_what_the_purge_would_and_keeps_the_same_record(
    api: ProjectClient, superuser: Client
) -> None:
    begin_rollups_now()
    send(api, datetime.now(UTC) - timedelta(days=10), NOON)
    RetentionPolicy.objects.create(project=api.project, events_days=7)
    roll_everything_up(EVENT_ROLLUP, api.project.pk)
    job = start(superuser, "purge")
    finish(job, 1e-9)
    assert (job.status, job.error) == (JobStatus.DONE, "")
    assert len(api.results("/api/v1/events/")) == 1
    line = next(note for note in job.notes if note.startswith("telemetry_events from before"))
    assert "1 rows deleted" in line
    record = PurgeRun.objects.get()
    assert line in record.done
    assert record.ended_at


def test_a_slice_waits_while_other_long_work_runs(superuser: Client) -> None:
    job = start(superuser, "purge")
    assert leases.take(tasks.MAINTENANCE, "another worker", seconds=60)
    with pytest.raises(Retry):
        tasks.run_jobs()
    job.refresh_from_db()
    assert job.status == JobStatus.QUEUED
    leases.give_back(tasks.MAINTENANCE, "another worker")
    tasks.run_jobs()
    job.refresh_from_db()
    assert job.status == JobStatus.DONE


def test_the_hourly_task_drops_old_results(superuser: Client) -> None:
    job = start(superuser, "purge")
    finish(job)
    Job.objects.update(finished_at=timezone.now() - timedelta(days=40))
    tasks.purge_ingest_memory()
    assert not Job.objects.exists()


def test_the_hint_names_a_task_that_workers_have() -> None:
    assert tasks.run_jobs.name == hints.RUN


def test_without_a_broker_a_job_waits_for_the_next_turn() -> None:
    nowhere = Celery(broker="redis://127.0.0.1:1/0", set_as_current=False)
    nowhere.conf.broker_transport_options = current_app.conf.broker_transport_options
    hints.hint_run(nowhere)
