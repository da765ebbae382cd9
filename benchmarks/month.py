"""A month and more of stored events, rolled up, for what reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from benchmarks import database, fill
from benchmarks.benchmark import Bench
from benchmarks.events import TABLE
from benchmarks.inside import prepare_rebuild
from benchmarks.jobs import Job, run_together
from benchmarks.running import RunningPlatform

DAYS = 30


@dataclass(frozen=True, slots=True)
class Month:
    """The 30 whole days before today; `first_day` begins them. As many events lie in the 30 days before those."""

    platform: RunningPlatform
    project_id: int
    first_day: date
    event_count: int

    @property
    def start(self) -> datetime:
        return datetime(self.first_day.year, self.first_day.month, self.first_day.day, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        return self.start + timedelta(days=DAYS)


def make_month(bench: Bench, events_a_month: int) -> Month:
    """Two months of so many events each, rolled up, on a platform of their own."""
    platform = bench.start_platform()
    url = platform.database_url
    project_id = database.first_project_id(url)
    today = datetime.now(UTC).date()
    count = events_a_month // DAYS
    for age in range(1, 2 * DAYS + 1):
        day = today - timedelta(days=age)
        bench.progress.advance(age, 2 * DAYS, f"making {count * 2 * DAYS:,} events")
        fill.fill_day(url, f"bench_day_{age}", project_id, day, count)
        fill.attach(url, f"bench_day_{age}", day)
    bench.progress.say("rolling them up")
    first = today - timedelta(days=2 * DAYS)
    run_together([Job(prepare_rebuild, platform.environ(), f"{first}", TABLE.name)])
    database.empty_tables(url)
    return Month(platform, project_id, today - timedelta(days=DAYS), count * DAYS)
