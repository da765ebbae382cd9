"""Jobs are done step by step, by any worker, each step once."""

from __future__ import annotations

import gzip
from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from projects.jobs import results, running, starting
from projects.models import Job, JobStatus
from tests.projects.jobs.conftest import Disturb
from tests.projects.jobs.stage import Killed, kill, make_job, make_user

pytestmark = pytest.mark.django_db

LONG = 60.0
WHOLE = "".join(f"line {number}\n" for number in range(5))


def text_of(job: Job) -> str:
    return b"".join(results.plain_pieces(job)).decode()


def lose_worker(job: Job) -> None:
    """Its lease has run out: as if the worker had been killed a while ago."""
    Job.objects.filter(pk=job.pk).update(lease_until=timezone.now() - timedelta(seconds=1))


def test_a_job_is_done_and_its_result_can_be_read_whole_packed_or_not() -> None:
    job = make_job(make_user())
    running.run_slice(LONG)
    job.refresh_from_db()
    assert (job.status, job.done_count, job.done_ratio, job.lease_until) == (JobStatus.DONE, 5, 1.0, None)
    assert text_of(job) == WHOLE
    packed = b"".join(results.packed_pieces(job))
    assert gzip.decompress(packed).decode() == WHOLE
    assert len(packed) == job.result_bytes


def test_a_slice_ends_in_time_and_the_next_one_goes_on() -> None:
    job = make_job(make_user())
    seen = []
    for _ in range(6):
        running.run_slice(1e-9)
        job.refresh_from_db()
        seen.append((job.status, job.done_count))
    assert seen[:2] == [("running", 1), ("running", 2)]
    assert seen[-1] == ("done", 5)
    assert text_of(job) == WHOLE


def test_jobs_take_turns() -> None:
    user = make_user()
    jobs = [make_job(user), make_job(user)]
    for _ in range(4):
        running.run_slice(1e-9)
    assert [Job.objects.get(pk=job.pk).done_count for job in jobs] == [2, 2]


def test_a_result_is_not_deleted_under_a_job_that_was_begun_again(disturb: Disturb) -> None:
    user = make_user()
    job = make_job(user)
    running.run_slice(1e-9)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.FAILED, lease_until=None)
    seen = Job.objects.get(pk=job.pk)
    assert starting.retry(job, user)
    results.drop(seen)
    running.run_slice(LONG)
    job.refresh_from_db()
    assert (job.status, text_of(job)) == (JobStatus.DONE, WHOLE)


def test_what_a_killed_worker_had_begun_is_done_by_another_one_and_nothing_twice(disturb: Disturb) -> None:
    job = make_job(make_user())
    disturb(3, kill)
    with pytest.raises(Killed):
        running.run_slice(LONG)
    assert running.run_slice(LONG) == 0, "the lease is still valid"
    lose_worker(job)
    disturb(3, lambda: None)
    assert running.run_slice(LONG) == 1
    job.refresh_from_db()
    assert (job.status, job.failure_count) == (JobStatus.DONE, 0)
    assert text_of(job) == WHOLE


def test_a_job_that_kills_its_worker_again_and_again_fails_and_can_be_tried_again(disturb: Disturb) -> None:
    job = make_job(make_user())
    disturb(3, kill)
    for _ in range(running.MOST_FAILURES):
        with pytest.raises(Killed):
            running.run_slice(LONG)
        lose_worker(job)
    running.run_slice(LONG)
    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, running.KILLED)
    disturb(3, lambda: None)
    assert starting.retry(job, job.user)
    running.run_slice(LONG)
    job.refresh_from_db()
    assert job.status == JobStatus.DONE
    assert text_of(job) == WHOLE


def test_a_cancelled_job_stops_between_two_steps_and_leaves_nothing(disturb: Disturb) -> None:
    job = make_job(make_user())
    disturb(3, lambda: assert_cancelled(job))
    running.run_slice(LONG)
    job.refresh_from_db()
    assert (job.status, job.done_count, job.chunks.count()) == (JobStatus.CANCELLED, 0, 0)
    assert not starting.cancel(job, timezone.now()), "it has ended"
    assert starting.retry(job, job.user)
    running.run_slice(LONG)
    job.refresh_from_db()
    assert job.status == JobStatus.CANCELLED, "it is disturbed at the same step again"


def assert_cancelled(job: Job) -> None:
    assert starting.cancel(job, timezone.now())


def test_a_worker_that_lost_its_claim_writes_nothing(disturb: Disturb) -> None:
    job = make_job(make_user())

    def another_worker_takes_it() -> None:
        disturb(2, lambda: None)
        lose_worker(job)
        running.run_slice(LONG)

    disturb(2, another_worker_takes_it)
    running.run_slice(LONG)
    job.refresh_from_db()
    assert (job.status, job.done_count) == (JobStatus.DONE, 5)
    assert text_of(job) == WHOLE


def test_a_database_that_is_away_is_tried_again_and_then_said(disturb: Disturb) -> None:
    job = make_job(make_user())

    def away() -> None:
        raise OperationalError("server closed the connection unexpectedly")

    disturb(1, away)
    states = []
    for _ in range(running.MOST_FAILURES):
        running.run_slice(LONG)
        job.refresh_from_db()
        states.append(job.status)
    assert states == ["running", "running", "failed"]
    assert job.error == running.NO_DATABASE


def test_a_fault_is_said_without_its_traceback(disturb: Disturb) -> None:
    job = make_job(make_user())

    def fault() -> None:
        raise ZeroDivisionError("secret of the stack")

    disturb(1, fault)
    running.run_slice(LONG)
    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, running.BROKEN)


def test_more_than_fits_is_refused_and_takes_no_room() -> None:
    job = make_job(make_user(), parameters={"format": "csv", "rows_a_step": results.MOST_ROWS})
    running.run_slice(LONG)
    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, running.TOO_LARGE)
    assert (job.chunks.count(), job.result_bytes) == (0, 0)


def test_a_kind_that_this_version_does_not_know_fails() -> None:
    job = make_job(make_user(), kind="of_another_version")
    running.run_slice(LONG)
    job.refresh_from_db()
    assert (job.status, job.error) == (JobStatus.FAILED, running.UNKNOWN)


def test_results_go_after_a_day_and_jobs_after_a_month() -> None:
    job = make_job(make_user())
    running.run_slice(LONG)
    now = timezone.now()
    results.purge(now + results.KEPT - timedelta(minutes=1))
    assert text_of(job) == WHOLE
    results.purge(now + results.KEPT + timedelta(minutes=1))
    job.refresh_from_db()
    assert (job.chunks.count(), job.result_bytes, job.done_count) == (0, 0, 5)
    results.purge(now + results.KEPT_JOBS + timedelta(minutes=1))
    assert not Job.objects.filter(pk=job.pk).exists()


def test_what_still_runs_is_never_purged() -> None:
    job = make_job(make_user(), status=JobStatus.RUNNING, created_at=timezone.now() - timedelta(days=90))
    results.purge(timezone.now())
    assert Job.objects.filter(pk=job.pk).exists()
