"""What the ingest benchmarks share: one measured run of the platform's door, and one of psycopg alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count

from benchmarks import database, events, report
from benchmarks.benchmark import Bench
from benchmarks.jobs import Job, run_together, wall_seconds
from benchmarks.load import prepare_load
from benchmarks.running import PlatformError, RunningPlatform
from benchmarks.traffic import BATCH_SIZE, Traffic

CONNECTIONS = 8
WEB_WORKERS = 1

_seeds = count(1)
"""One for each run through the door, which remembers attributes: the same again would all be known already."""

EVENTS = Traffic(events.TABLE, events.batch_requests, events.rows_of)


@dataclass
class BatchRuns:
    """Records per second through the door and by COPY, each into today's partition as it is then."""

    platform: RunningPlatform
    batch_count: int
    writer_count: int
    traffic: Traffic = EVENTS
    client_cpu_seconds: list[float] = field(default_factory=list)
    wall_seconds: list[float] = field(default_factory=list)

    @property
    def record_count(self) -> int:
        return self.batch_count * BATCH_SIZE

    def through_the_door(self) -> float:
        """Committed records per second over HTTP."""
        make = self.traffic.make_requests
        client = Job(
            prepare_load, self.platform.port, CONNECTIONS, make, next(_seeds), self.batch_count, BATCH_SIZE
        )
        before = self._stored()
        timed = run_together([client])
        timed[0].value.check()
        # The platform's own measurements may have come in as well.
        if self._stored() - before < self.record_count:
            raise PlatformError(f"{self._stored() - before} records were stored of {self.record_count}")
        self.client_cpu_seconds.append(timed[0].cpu_seconds)
        self.wall_seconds.append(wall_seconds(timed))
        return self.record_count / wall_seconds(timed)

    def by_copy(self) -> float:
        """Committed rows per second by psycopg, over as many connections as the server has writers."""
        url = self.platform.database_url
        share = self.batch_count // self.writer_count
        timed = run_together(
            [
                Job(database.prepare_copy, url, self.traffic, seed, share, BATCH_SIZE)
                for seed in range(self.writer_count)
            ]
        )
        return sum(one.value for one in timed) / wall_seconds(timed)

    def emptied(self) -> None:
        database.empty_tables(self.platform.database_url, self.traffic.table.name)

    def client_note(self) -> str:
        """How much of the machine the client took: it must not be what is measured."""
        used, passed = sum(self.client_cpu_seconds), sum(self.wall_seconds)
        return f"client CPU {used:.1f} s in {passed:.1f} s ({used / passed:.0%} of one core)"

    def _stored(self) -> int:
        return database.scalar(self.platform.database_url, f"SELECT count(*) FROM {self.traffic.table.name}")


def against_copy(bench: Bench, name: str, traffic: Traffic, *, goal: float, unit: str) -> report.Row:
    """The door against COPY in turns, tables empty before each. What the door has to remember, it knows by then."""
    platform = bench.start_platform(WEB_WORKERS=str(WEB_WORKERS))
    BatchRuns(platform, 2, WEB_WORKERS, traffic).through_the_door()
    runs = BatchRuns(platform, bench.pick(small=40, full=400), WEB_WORKERS, traffic)

    def ours() -> float:
        runs.emptied()
        return runs.through_the_door()

    def theirs() -> float:
        runs.emptied()
        return runs.by_copy()

    measured = bench.alternate(ours, theirs)
    return report.Row(name, goal, unit, ours=measured[0], theirs=measured[1], notes=[runs.client_note()])
