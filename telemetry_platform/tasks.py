"""Background work of the roof: thin, idempotent, each safe to run twice."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Task, shared_task
from django.utils import timezone

from ingest.sources import storing
from storage import memory, partitions
from storage.registry import partitioned_tables
from telemetry_platform import leases, rollups, worker_lease
from telemetry_platform.purge import running
from telemetry_platform.self_telemetry.host import record_host

DAYS_AHEAD = 3
PURGE_SECONDS = 20
ROLL_UP_SECONDS = 10
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


@shared_task(soft_time_limit=12, time_limit=15)
def record_host_metrics() -> None:
    worker_lease.renew()
    record_host(timezone.now())


@shared_task(soft_time_limit=50, time_limit=60)
def make_partitions() -> None:
    today = timezone.now().date()
    for table in partitioned_tables():
        partitions.ensure_ahead(table, today, DAYS_AHEAD)


@shared_task(soft_time_limit=600, time_limit=660)
def roll_up() -> None:
    """In slices: no step begins after 10 s."""
    with _alone(ROLL_UP_SECONDS) as is_free:
        if is_free:
            rollups.roll_up(timezone.now(), ROLL_UP_SECONDS)


@shared_task(bind=True, soft_time_limit=120, time_limit=150, max_retries=10)
def purge_expired(self: Task[[], None]) -> None:
    """In slices: no step begins after 20 s. Comes again when a roll-up runs: its own next turn is half an hour away."""
    with _alone(PURGE_SECONDS) as is_free:
        if not is_free:
            raise self.retry(countdown=ROLL_UP_SECONDS)
        running.purge(timezone.now(), PURGE_SECONDS)


@shared_task(soft_time_limit=570, time_limit=600)
def purge_ingest_memory() -> None:
    now = timezone.now()
    memory.purge(now)
    storing.purge(now)
