"""Background work of the roof: thin, idempotent, each safe to run twice."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from storage import memory, partitions
from storage.registry import partitioned_tables
from telemetry_platform import purge, worker_lease
from telemetry_platform.self_telemetry.host import record_host

DAYS_AHEAD = 3
PURGE_SECONDS = 20


@shared_task(soft_time_limit=12, time_limit=15)
def record_host_metrics() -> None:
    worker_lease.renew()
    record_host(timezone.now())


@shared_task(soft_time_limit=50, time_limit=60)
def make_partitions() -> None:
    today = timezone.now().date()
    for table in partitioned_tables():
        partitions.ensure_ahead(table, today, DAYS_AHEAD)


@shared_task(soft_time_limit=120, time_limit=150)
def purge_expired() -> None:
    """In slices: rule ticks share the worker, so no purge may hold it for long."""
    purge.run(purge.plan(timezone.now()), PURGE_SECONDS)


@shared_task(soft_time_limit=570, time_limit=600)
def purge_ingest_memory() -> None:
    memory.purge(timezone.now())
