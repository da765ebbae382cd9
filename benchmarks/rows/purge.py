"""A day of 10 M events goes: our purge, against DELETE and VACUUM; and what single events feel meanwhile."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql

from benchmarks import database, fill
from benchmarks.benchmark import Bench, Benchmark
from benchmarks.events import TABLE, single_requests
from benchmarks.inside import prepare_purge
from benchmarks.jobs import Job
from benchmarks.load import Load, prepare_steady_load
from benchmarks.report import Row, percentile
from benchmarks.running import PlatformError, RunningPlatform
from storage.partitions import partition_name

DAY_AGE = 20
KEPT_DAYS = 10
CONNECTIONS = 4
_PAUSE_SECONDS = 0.01
_BEFORE_SECONDS = 10.0
_AFTER_SECONDS = 2.0
"""The disk is freed after the drop has returned; what that costs belongs to the purge."""
_LOAD_SECONDS = _BEFORE_SECONDS + 15.0


@dataclass
class Purges:
    """Each measurement makes its own day first; DELETE, whose minute hardly varies, is measured once."""

    bench: Bench
    platform: RunningPlatform
    row_count: int
    delete_seconds: float = 0.0
    p99_before_ms: list[float] = field(default_factory=list)
    p99_during_ms: list[float] = field(default_factory=list)

    def by_drop(self) -> float:
        """Seconds of `manage.py purge` while single events come in."""
        day = self._make_day()
        load = Job(
            prepare_steady_load, self.platform.port, CONNECTIONS, _LOAD_SECONDS, _PAUSE_SECONDS,
            single_requests, 1, 2000,
        )  # fmt: skip
        purge = Job(prepare_purge, self.platform.environ(), KEPT_DAYS)
        for job in (load, purge):
            job.wait_until_prepared()
        load.go()
        time.sleep(_BEFORE_SECONDS)
        purge.go()
        purged = purge.result()
        answered = load.result().value
        purge.close()
        load.close()
        self._check_dropped(day)
        self._note(answered, purged.began, purged.ended + _AFTER_SECONDS)
        return purged.ended - purged.began

    def by_delete(self) -> float:
        """Seconds of DELETE and VACUUM, with nothing else going on."""
        self.delete_seconds = self.delete_seconds or self._delete()
        return self.delete_seconds

    def _delete(self) -> float:
        name = sql.Identifier(partition_name(TABLE.name, self._make_day()))
        with psycopg.connect(self.platform.database_url, autocommit=True) as connection:
            began = time.monotonic()
            connection.execute(sql.SQL("DELETE FROM {}").format(name))
            connection.execute(sql.SQL("VACUUM {}").format(name))
            seconds = time.monotonic() - began
            connection.execute(sql.SQL("DROP TABLE {}").format(name))
        return seconds

    def _make_day(self) -> date:
        url = self.platform.database_url
        day = datetime.now(UTC).date() - timedelta(days=DAY_AGE)
        self.bench.progress.say(f"making a day of {self.row_count:,} events")
        fill.fill_day(url, "bench_day", database.first_project_id(url), day, self.row_count)
        fill.attach(url, "bench_day", day)
        database.empty_tables(url)
        return day

    def _check_dropped(self, day: date) -> None:
        name = partition_name(TABLE.name, day)
        if database.scalar(self.platform.database_url, f"SELECT count(to_regclass('{name}'))"):
            raise PlatformError(f"the purge left {name}")

    def _note(self, load: Load, began: float, ended: float) -> None:
        load.check()
        timed = list(zip(load.answered_at, load.seconds, strict=True))
        before = [seconds for at, seconds in timed if at < began]
        during = [seconds for at, seconds in timed if began <= at <= ended]
        self.p99_before_ms.append(1000 * percentile(before, 0.99))
        self.p99_during_ms.append(1000 * percentile(during, 0.99))


def run(bench: Bench) -> Sequence[Row]:
    purges = Purges(bench, bench.start_platform(), bench.pick(small=200_000, full=10_000_000))
    # Making a day takes two minutes, purging it two seconds: two rounds are what the time allows.
    ours, theirs = bench.alternate(purges.by_drop, purges.by_delete, rounds=2)
    return [
        Row("purge", 10, "s", "lower", ours=ours, theirs=theirs, notes=[f"{purges.row_count:,} rows"]),
        Row(
            "purge_p99", 0.5, "ms", "lower", ours=purges.p99_during_ms, theirs=purges.p99_before_ms,
            notes=["p99 of single events while our purge runs, against the seconds before it"],
        ),
    ]  # fmt: skip


BENCHMARK = Benchmark("purge", run)
