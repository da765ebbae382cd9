"""Doing jobs: a slice of a worker's time at once, step by step, each step with its result in one transaction.

A job belongs to the worker that claimed it until its lease runs out. Every write names the claim, so that a worker that
was thought dead, or whose job was cancelled meanwhile, changes nothing any more.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

import psycopg
from django.db import Error, InterfaceError, OperationalError, connection, transaction
from django.db.models import F, Q, QuerySet
from django.utils import timezone

from projects.jobs import results
from projects.jobs.registry import JobFailed, Kind, Step, Work, kind_of
from projects.models import Job, JobChunk, JobStatus

MOST_FAILURES = 3
"""So often in a row a worker may die, or lose the database, at the same place."""

KILLED = f"Its worker was stopped {MOST_FAILURES} times at the same place. Try again, or choose a shorter time range."
NO_DATABASE = f"The database gave no answer in time, {MOST_FAILURES} times in a row. Try again later."
BROKEN = "This is a fault of the platform; its log says more. Nothing else was changed."
UNKNOWN = "This version of the platform doesn't know this kind of job."
TOO_LARGE = (
    f"There is more than fits into one export: {results.MOST_ROWS // 1_000_000} million rows, or "
    f"{results.MOST_BYTES // 1_000_000_000} GB compressed. Choose a shorter time range, or filter, and start again."
)

logger = logging.getLogger(__name__)


def run_slice(seconds: float) -> int:
    """Work on jobs for about so many seconds, those first that waited longest; returns how many were worked on.

    One step is made however short the slice is.
    """
    ends_at = time.monotonic() + seconds
    count = 0
    while job := claim(timezone.now()):
        count += 1
        if not _work_on(job, ends_at) or time.monotonic() >= ends_at:
            break
    return count


def is_anything_waiting(now: datetime) -> bool:
    return _waiting(now).exists()


def claim(now: datetime) -> Job | None:
    """The job whose turn it is, now this worker's; None where nothing waits."""
    with transaction.atomic():
        waiting = _waiting(now).select_for_update(skip_locked=True)
        job = waiting.order_by(F("heartbeat_at").asc(nulls_first=True), "pk").first()
        if job is None:
            return None
        kind = kind_of(job.kind)
        if job.lease_until is not None:
            job.failure_count += 1
        job.status, job.claim_count = JobStatus.RUNNING, job.claim_count + 1
        job.started_at = job.started_at or now
        job.lease_until = now + timedelta(seconds=kind.lease_seconds if kind else 0)
        job.save(update_fields=["status", "claim_count", "failure_count", "started_at", "lease_until"])
    return job


def _waiting(now: datetime) -> QuerySet[Job]:
    """No worker has these."""
    is_left = Q(lease_until=None) | Q(lease_until__lt=now)
    return Job.objects.filter(Q(status=JobStatus.QUEUED) | Q(status=JobStatus.RUNNING) & is_left)


def _work_on(job: Job, ends_at: float) -> bool:
    """Steps until the job or the slice ends; what goes wrong is said on its page. False: the database needs a rest."""
    kind = kind_of(job.kind)
    try:
        if kind is None:
            raise JobFailed(UNKNOWN)
        if job.failure_count >= MOST_FAILURES:
            raise JobFailed(KILLED)
        _steps(job, kind, ends_at)
    except JobFailed as problem:
        _end(job, JobStatus.FAILED, str(problem))
    except (OperationalError, InterfaceError, psycopg.OperationalError):
        logger.warning("job %s: no answer from the database", job.pk, exc_info=True)
        _leave_after_failure(job)
        return False
    except Exception:
        logger.exception("job %s (%s) broke", job.pk, job.kind)
        _end(job, JobStatus.FAILED, BROKEN)
    return True


def _steps(job: Job, kind: Kind, ends_at: float) -> None:
    work = Work(job.parameters, job.project_id, job.created_at, job.cursor)
    for step in kind.run(work):
        if not _keep(job, kind, step, timezone.now()):
            return
        if job.done_count > results.MOST_ROWS or job.result_bytes > results.MOST_BYTES:
            _end(job, JobStatus.FAILED, TOO_LARGE)
            results.forget(job)
            return
        if time.monotonic() >= ends_at:
            _mine(job).update(lease_until=None)
            return
    _end(job, JobStatus.DONE)


def _keep(job: Job, kind: Kind, step: Step, now: datetime) -> bool:
    """Write the step down; False where the job was cancelled, or another worker has it."""
    data = results.packed(step.text) if step.text else b""
    job.done_count += step.done_count
    job.result_bytes += len(data)
    job.notes = [*job.notes, *step.notes]
    job.failure_count = 0
    with transaction.atomic():
        is_mine = _mine(job).update(
            cursor=step.cursor,
            done_count=job.done_count,
            done_ratio=step.done_ratio,
            result_bytes=job.result_bytes,
            notes=job.notes,
            failure_count=0,
            heartbeat_at=now,
            lease_until=now + timedelta(seconds=kind.lease_seconds),
        )
        if is_mine and data:
            JobChunk.objects.create(job=job, data=data)
    return bool(is_mine)


def _end(job: Job, status: JobStatus, error: str = "") -> None:
    now = timezone.now()
    changed = {"status": status, "error": error, "finished_at": now, "heartbeat_at": now, "lease_until": None}
    if status == JobStatus.DONE:
        changed["done_ratio"] = 1.0
    _mine(job).update(**changed)


def _leave_after_failure(job: Job) -> None:
    """For the next slice; its lease runs out by itself where the database is still away."""
    failures = job.failure_count + 1
    if not connection.in_atomic_block:
        connection.close_if_unusable_or_obsolete()
    try:
        if failures >= MOST_FAILURES:
            _end(job, JobStatus.FAILED, NO_DATABASE)
        else:
            _mine(job).update(lease_until=None, failure_count=failures, heartbeat_at=timezone.now())
    except Error:
        logger.warning("job %s is left to its lease", job.pk, exc_info=True)


def _mine(job: Job) -> QuerySet[Job]:
    return Job.objects.filter(pk=job.pk, status=JobStatus.RUNNING, claim_count=job.claim_count)
