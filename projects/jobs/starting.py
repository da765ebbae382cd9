"""Starting, cancelling and trying again, each by one person. Conditional updates: two at once change a job once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Sum

from projects.jobs import results
from projects.jobs.hints import hint_run
from projects.jobs.registry import CannotStart, Kind, Request, kind_of
from projects.models import UNFINISHED, Job, JobStatus, Project
from projects.visibility import visible_projects

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

MOST_UNFINISHED = 5
"""Of one person."""
MOST_STORED_BYTES = 5_000_000_000
"""Of all results together."""


def may_start(user: User | AnonymousUser, kind: Kind) -> bool:
    return user.has_perm(kind.permission) if kind.permission else user.is_superuser


def may_see(user: User | AnonymousUser, job: Job) -> bool:
    """The page of a job: whoever started it, and superusers."""
    return user.is_superuser or job.user_id == user.pk


def may_download(user: User | AnonymousUser, job: Job) -> bool:
    """Also whoever started it only while they may still read what is in it."""
    kind = kind_of(job.kind)
    if kind is None or not may_see(user, job) or not may_start(user, kind):
        return False
    return job.project_id is None or visible_projects(user).filter(pk=job.project_id).exists()


def start(kind: Kind, user: User, project: Project | None, given: Mapping[str, str], now: datetime) -> Job:
    """Queue the work and hint at it. Raises CannotStart."""
    order = kind.check(Request(given, project.pk if project else None, now))
    with transaction.atomic():
        _refuse_more(user)
        job = Job.objects.create(
            kind=kind.name,
            project=project if kind.of_project else None,
            user=user,
            parameters=order.parameters,
            words=order.words,
            created_at=now,
        )
        transaction.on_commit(hint_run)
    return job


def _refuse_more(user: User) -> None:
    """Raises CannotStart where a person, or all together, have as much as they may. Call inside a transaction.

    One start of a person waits for the other, or both would find room for one.
    """
    list(get_user_model().objects.select_for_update(no_key=True).filter(pk=user.pk).values_list("pk"))
    if Job.objects.filter(user=user, status__in=UNFINISHED).count() >= MOST_UNFINISHED:
        raise CannotStart(
            f"{MOST_UNFINISHED} jobs of yours are not finished yet. Wait for one, or cancel one, and try again."
        )
    if (Job.objects.aggregate(total=Sum("result_bytes"))["total"] or 0) >= MOST_STORED_BYTES:
        raise CannotStart(
            "The results of earlier jobs fill the room there is for them. Delete some, or wait: they go after a day."
        )


def cancel(job: Job, now: datetime) -> bool:
    """A worker notices between two steps. False where the job has ended already."""
    unfinished = Job.objects.filter(pk=job.pk, status__in=UNFINISHED)
    if not unfinished.update(status=JobStatus.CANCELLED, finished_at=now, lease_until=None):
        return False
    results.forget(job)
    return True


def retry(job: Job, user: User) -> bool:
    """Go on where it failed; from the beginning after a cancel. False where there is nothing to try again.

    Raises CannotStart.
    """
    if job.project_id is not None and not visible_projects(user).filter(pk=job.project_id).exists():
        raise CannotStart("You belong to its project no longer.")
    with transaction.atomic():
        _refuse_more(user)
        return _is_retried(job)


def _is_retried(job: Job) -> bool:
    ended = Job.objects.filter(pk=job.pk, status__in=(JobStatus.FAILED, JobStatus.CANCELLED))
    fresh = {
        "status": JobStatus.QUEUED,
        "error": "",
        "failure_count": 0,
        "finished_at": None,
        "heartbeat_at": None,
    }
    if not ended.update(**fresh, started_at=None, lease_until=None):
        return False
    transaction.on_commit(hint_run)
    return True
