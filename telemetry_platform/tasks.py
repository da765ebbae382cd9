"""Background work of the roof: thin, idempotent, each safe to run twice."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from celery import Task, shared_task
from django.utils import timezone

from analytics.due import Due
from analytics.experiments import points as experiment_points
from analytics.funnels import recording
from analytics.journeys import upkeep
from analytics.sessions import following
from analytics.usage import points
from ingest.sources import storing
from projects.jobs import results
from projects.jobs.running import is_anything_waiting, run_slice
from storage import memory, partitions
from storage.registry import partitioned_tables
from telemetry_platform import leases, rollups, worker_lease
from telemetry_platform.purge import running
from telemetry_platform.self_telemetry.host import record_host

DAYS_AHEAD = 3
PURGE_SECONDS = 20
ROLL_UP_SECONDS = 10
JOB_SECONDS = 8
"""Less than its period: roll-up and purge, which try again each second, get their turn in between."""
JOURNEY_SECONDS = 5
SESSION_SECONDS = 5
MEASURE_SECONDS = 5
"""Of funnels, features and experiments, each."""
AGAIN_SECONDS = 1
JOB_TRIES = 9
ROLL_UP_TRIES = 20
"""Afterwards its own next turn is near."""
MAINTENANCE = "maintenance"


@contextmanager
def _alone(seconds: int) -> Iterator[bool]:
    """One of the long tasks at a time, so that rule ticks and delivery share the worker's other child at worst.

    False where another one runs; its next turn comes soon. Correctness rests on the roll-ups' own locks.
    """
    holder = f"{socket.gethostname()}:{os.getpid()}"
    is_free = leases.take(MAINTENANCE, holder, seconds=2 * seconds)
    try:
        yield is_free
    finally:
        if is_free:
            leases.give_back(MAINTENANCE, holder)


def _take_turn(
    task: Task[[], None], seconds: int, work: Callable[[datetime, int], object], tries: int = ROLL_UP_TRIES
) -> None:
    """Work in slices: `work` begins nothing after so many seconds. Comes again while others are at it."""
    with _alone(seconds) as is_free:
        if is_free:
            work(timezone.now(), seconds)
        elif task.request.retries < tries:
            raise task.retry(countdown=AGAIN_SECONDS)


def _measure(task: Task[[], None], due: Due[Any], write: Callable[[datetime, int], None]) -> None:
    if due.has_rows(timezone.now()):
        _take_turn(task, MEASURE_SECONDS, write)


@shared_task(soft_time_limit=12, time_limit=15)
def record_host_metrics() -> None:
    worker_lease.renew()
    record_host(timezone.now())


@shared_task(soft_time_limit=50, time_limit=60)
def make_partitions() -> None:
    today = timezone.now().date()
    for table in partitioned_tables():
        partitions.ensure_ahead(table, today, DAYS_AHEAD)


@shared_task(bind=True, soft_time_limit=600, time_limit=660, max_retries=ROLL_UP_TRIES)
def roll_up(self: Task[[], None]) -> None:
    _take_turn(self, ROLL_UP_SECONDS, rollups.roll_up)


@shared_task(bind=True, soft_time_limit=600, time_limit=660, max_retries=ROLL_UP_TRIES)
def follow_journeys(self: Task[[], None]) -> None:
    _take_turn(self, JOURNEY_SECONDS, upkeep.follow)


@shared_task(bind=True, soft_time_limit=120, time_limit=150, max_retries=ROLL_UP_TRIES)
def record_funnels(self: Task[[], None]) -> None:
    _measure(self, recording.DUE, recording.record)


@shared_task(bind=True, soft_time_limit=120, time_limit=150, max_retries=ROLL_UP_TRIES)
def measure_features(self: Task[[], None]) -> None:
    _measure(self, points.DUE, points.write)


@shared_task(bind=True, soft_time_limit=120, time_limit=150, max_retries=ROLL_UP_TRIES)
def measure_experiments(self: Task[[], None]) -> None:
    _measure(self, experiment_points.DUE, experiment_points.write)


@shared_task(bind=True, soft_time_limit=600, time_limit=660, max_retries=ROLL_UP_TRIES)
def follow_sessions(self: Task[[], None]) -> None:
    _take_turn(self, SESSION_SECONDS, following.follow)


@shared_task(bind=True, soft_time_limit=600, time_limit=660, max_retries=JOB_TRIES)
def run_jobs(self: Task[[], None]) -> None:
    if is_anything_waiting(timezone.now()):
        _take_turn(self, JOB_SECONDS, lambda _, seconds: run_slice(seconds), JOB_TRIES)


@shared_task(bind=True, soft_time_limit=120, time_limit=150, max_retries=100)
def purge_expired(self: Task[[], None]) -> None:
    """In slices: no step begins after 20 s. Comes again while others are at it: its next turn is half an hour away."""
    with _alone(PURGE_SECONDS) as is_free:
        if not is_free:
            raise self.retry(countdown=AGAIN_SECONDS)
        running.purge(timezone.now(), PURGE_SECONDS)


@shared_task(soft_time_limit=570, time_limit=600)
def purge_ingest_memory() -> None:
    now = timezone.now()
    memory.purge(now)
    storing.purge(now)
    results.purge(now)
