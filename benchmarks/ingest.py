"""What the ingest benchmarks share: one measured run of the platform's door, and one of psycopg alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from benchmarks import database
from benchmarks.events import TABLE, batch_requests
from benchmarks.jobs import Job, run_together, wall_seconds
from benchmarks.load import prepare_load
from benchmarks.running import PlatformError, RunningPlatform

CONNECTIONS = 8
BATCH_SIZE = 1000


@dataclass
class BatchRuns:
    """Events per second through the door and by COPY, each into today's partition as `prepare_table` leaves it."""

    platform: RunningPlatform
    batch_count: int
    writer_count: int
    client_cpu_seconds: list[float] = field(default_factory=list)
    wall_seconds: list[float] = field(default_factory=list)

    @property
    def event_count(self) -> int:
        return self.batch_count * BATCH_SIZE

    def through_the_door(self) -> float:
        """Committed events per second over HTTP."""
        client = Job(
            prepare_load, self.platform.port, CONNECTIONS, batch_requests, 1, self.batch_count, BATCH_SIZE
        )
        before = self._stored()
        timed = run_together([client])
        timed[0].value.check()
        if self._stored() - before != self.event_count:
            raise PlatformError(f"{self._stored() - before} events were stored of {self.event_count}")
        self.client_cpu_seconds.append(timed[0].cpu_seconds)
        self.wall_seconds.append(wall_seconds(timed))
        return self.event_count / wall_seconds(timed)

    def by_copy(self) -> float:
        """Committed rows per second by psycopg, over as many connections as the server has writers."""
        url = self.platform.database_url
        project_id = database.first_project_id(url)
        share = self.batch_count // self.writer_count
        timed = run_together(
            [
                Job(database.prepare_copy, url, project_id, seed, share, BATCH_SIZE)
                for seed in range(self.writer_count)
            ]
        )
        return sum(one.value for one in timed) / wall_seconds(timed)

    def emptied(self) -> None:
        database.empty_tables(self.platform.database_url, TABLE.name)

    def client_note(self) -> str:
        """How much of the machine the client took: it must not be what is measured."""
        used, passed = sum(self.client_cpu_seconds), sum(self.wall_seconds)
        return f"client CPU {used:.1f} s in {passed:.1f} s ({used / passed:.0%} of one core)"

    def _stored(self) -> int:
        return database.scalar(self.platform.database_url, f"SELECT count(*) FROM {TABLE.name}")
