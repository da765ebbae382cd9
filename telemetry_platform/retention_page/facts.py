"""What the page shows, read in a fixed number of queries that no amount of data makes slow."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings
from django_celery_beat.models import PeriodicTask

from projects.models import UNFINISHED, Job
from storage import partitions, sizes
from storage.connections import connect
from storage.partitions import Partition
from storage.registry import Table, tables
from storage.rollups import watermarks
from storage.sizes import TableSize, TimeRange
from telemetry_platform.long_work import PURGE, REBUILD
from telemetry_platform.models import PurgeRun
from telemetry_platform.purge import lives
from telemetry_platform.purge.lives import Policies

STORE_JOBS = (PURGE.name, REBUILD.name)
PURGE_TASK = "telemetry_platform.tasks.purge_expired"


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of the data folder."""

    free_bytes: int
    total_bytes: int


@dataclass(frozen=True, slots=True)
class Facts:
    """`time_ranges` are of tables without partitions, and of the partitions of the table that is looked into."""

    policies: Policies
    partitions: Mapping[str, list[Partition]]
    plain_sizes: Mapping[str, TableSize]
    time_ranges: Mapping[str, TimeRange]
    database_bytes: int
    disk: Disk
    rollups: list[watermarks.State]
    last_run: PurgeRun | None
    schedule: str
    jobs: list[Job]
    """Purges and rebuilds that wait or run."""


def load(opened: str) -> Facts:
    """`opened` is the name of the table whose partitions are looked into, or empty."""
    partitioned = [table for table in tables() if table.partitioned]
    plain = [table for table in tables() if not table.partitioned]
    with connect() as connection:
        by_table: dict[str, list[Partition]] = {table.name: [] for table in partitioned}
        for partition in partitions.listed(connection, partitioned):
            by_table[partition.table].append(partition)
        columns = {table.name: table.time_column for table in plain} | _columns_in(
            by_table, partitioned, opened
        )
        return Facts(
            policies=lives.load(),
            partitions=by_table,
            plain_sizes=sizes.plain_sizes(connection, [table.name for table in plain]),
            time_ranges=sizes.time_ranges(connection, columns),
            database_bytes=sizes.database_bytes(connection),
            disk=disk(),
            rollups=watermarks.states(),
            last_run=PurgeRun.objects.order_by("-started_at").first(),
            schedule=purge_schedule(),
            jobs=list(Job.objects.filter(status__in=UNFINISHED, kind__in=STORE_JOBS).order_by("created_at")),
        )


def _columns_in(
    by_table: Mapping[str, list[Partition]], partitioned: list[Table], opened: str
) -> dict[str, str]:
    return {
        partition.name: table.time_column
        for table in partitioned
        if table.name == opened
        for partition in by_table[opened]
    }


def disk() -> Disk:
    usage = shutil.disk_usage(settings.DATA_FOLDER)
    return Disk(usage.free, usage.total)


def purge_schedule() -> str:
    """When the purge runs by itself, in words; empty when that is switched off."""
    tasks = PeriodicTask.objects.filter(task=PURGE_TASK, enabled=True).select_related("interval", "crontab")
    task = tasks.first()
    return str(task.interval or task.crontab or "") if task else ""
