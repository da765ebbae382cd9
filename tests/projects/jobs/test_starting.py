"""How many unfinished jobs a person may have, also when two are started at the same moment."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.contrib.auth.models import User
from django.db import connection, connections, transaction
from django.utils import timezone

from projects.jobs import starting
from projects.jobs.registry import CannotStart
from projects.models import Job, JobStatus
from tests.projects.jobs.stage import COUNTING, make_job, make_user

pytestmark = pytest.mark.django_db(transaction=True)

_WAITS_FOR_ME = "SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid)))"
PATIENCE_SECONDS = 30


def begin(user: User, failed: Job | None = None) -> str:
    """In a thread, with a connection of its own: the error, or nothing."""
    try:
        if failed:
            starting.retry(failed, user)
        else:
            starting.start(COUNTING, user, None, {}, timezone.now())
    except CannotStart as error:
        return str(error)
    finally:
        connections.close_all()
    return ""


@pytest.mark.parametrize("tries_again", [False, True], ids=["start", "retry"])
def test_of_two_at_once_only_one_gets_the_last_place(tries_again: bool) -> None:
    user = make_user()
    failed = make_job(user, status=JobStatus.FAILED) if tries_again else None
    for _ in range(starting.MOST_UNFINISHED - 1):
        make_job(user)
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            starting.start(COUNTING, user, None, {}, timezone.now())
            other = threads.submit(begin, user, failed)
            begun = time.monotonic()
            while not _is_anybody_waiting_for_me():
                assert not other.done(), "it did not wait for the first one"
                assert time.monotonic() - begun < PATIENCE_SECONDS
        assert "not finished yet" in other.result(timeout=PATIENCE_SECONDS)
    unfinished = Job.objects.filter(user=user).exclude(status=JobStatus.FAILED)
    assert unfinished.count() == starting.MOST_UNFINISHED


def _is_anybody_waiting_for_me() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_WAITS_FOR_ME)
        (found,) = cursor.fetchone()
    return bool(found)
