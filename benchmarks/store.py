"""A store that is full: 20 M events, rolled up, for everything that reads them.

Of the last 30 days 10 M events (at full scale; a twentieth at the small one) by 1 M people, of the 54 days before as
many, a fifth of them by these people and the others by nobody, as a backend's own are. Each event is of one of ten
names and one of all people, spread evenly by a hash of its number: the same in every run, with nobody's events in step
with anybody else's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from benchmarks import database, fill
from benchmarks.benchmark import Bench
from benchmarks.events import TABLE
from benchmarks.inside import prepare_rebuild, prepare_roll_up
from benchmarks.jobs import Job, run_together
from benchmarks.running import RunningPlatform
from storage.partitions import start_of

DAYS, MONTH_DAYS = 84, 30
NAMES = 10
"""event_0 to event_9."""
NAMED_BEFORE = 5
"""One of so many names somebody, before the last month."""

# As wide as `fill.EVENT_ROWS`. No two are at the same microsecond.
_ROWS = """
    INSERT INTO {{name}} (project_id, event_timestamp, id, received_at, event_type, event_name, event_category,
                          user_id, session_id, source, duration_ms, tags, event_data)
    SELECT {{project}}, moment, gen_random_uuid(), moment, 'user_action',
           'event_' || (hashint8extended(n, {seed}) & 1048575) % {names}, 'shop',
           'user-' || person, 'session-' || person || '-' || n % 10, 'web', (n * 7919) % 5000 / 10.0,
           '{{{{"env": "production", "region": "eu", "version": "4.2.1"}}}}',
           jsonb_build_object('product_id', 'sku-' || n % 5000, 'amount', n % 50000 / 100.0, 'currency', 'EUR',
                              'page', '/products/' || n % 5000,
                              'referrer', 'https://www.example.com/campaigns/autumn')
    FROM generate_series({{first}}::bigint, {{last}}::bigint) AS n,
         LATERAL (SELECT {{start}}::timestamptz + n * ({{seconds}} / {{count}}::float8) * interval '1 second' AS moment,
                         CASE WHEN n % {named} = 0 THEN (hashint8extended(n, {seed} + 1) & 1073741823) % {people} END
                             AS person) AS made
"""


@dataclass(frozen=True, slots=True)
class Store:
    """The whole days before today: 84 from `start` on, of which the last 30 from `month_start` on."""

    platform: RunningPlatform
    project_id: int
    people: int
    month_event_count: int
    end: datetime

    @property
    def start(self) -> datetime:
        return self.end - timedelta(days=DAYS)

    @property
    def month_start(self) -> datetime:
        return self.end - timedelta(days=MONTH_DAYS)


def make_store(bench: Bench) -> Store:
    """A platform of its own with all of it, nothing left to roll up."""
    platform = bench.start_platform()
    people = bench.pick(small=50_000, full=1_000_000)
    today = datetime.now(UTC).date()
    # As on a platform that runs for long: all that comes now is late, and added up by the day, not hour by hour.
    run_together([Job(prepare_roll_up, platform.environ())])
    counts = _counts_by_age(10 * people)
    for age, count in counts.items():
        bench.progress.advance(age, DAYS, f"making {sum(counts.values()):,} events")
        _fill_day(platform, today - timedelta(days=age), age, count, people)
    bench.progress.say("rolling them up")
    first = today - timedelta(days=DAYS)
    run_together([Job(prepare_rebuild, platform.environ(), f"{first}", TABLE.name)])
    # The worker may have held a day, and does the rest: no query may find raw rows to read.
    run_together([Job(prepare_roll_up, platform.environ())])
    database.empty_tables(platform.database_url)
    in_a_month = sum(count for age, count in counts.items() if age <= MONTH_DAYS)
    return Store(
        platform, database.first_project_id(platform.database_url), people, in_a_month, start_of(today)
    )


def _counts_by_age(in_a_month: int) -> dict[int, int]:
    """Events of each day, by how many days ago it was."""
    before = in_a_month // (DAYS - MONTH_DAYS)
    return {age: in_a_month // MONTH_DAYS if age <= MONTH_DAYS else before for age in range(1, DAYS + 1)}


def _fill_day(platform: RunningPlatform, day: date, age: int, count: int, people: int) -> None:
    url = platform.database_url
    rows = _ROWS.format(
        names=NAMES, people=people, seed=2 * age, named=1 if age <= MONTH_DAYS else NAMED_BEFORE
    )
    name = f"bench_{day:%Y%m%d}"
    fill.fill_day(url, name, database.first_project_id(url), day, count, rows=rows, vacuumed=True)
    fill.attach(url, name, day)
