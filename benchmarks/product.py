"""What people do in a product: 1 M people over 12 weeks with trails, for what asks who came how far and who came back.

Of the last 30 days 10 M events (at full scale; a twentieth at the small one), of the 54 days before them as many a day
as make 2 M. Each event is of one of ten names and one of all people, spread evenly by a hash of its number: the same
in every run, with nobody's events in step with anybody else's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from benchmarks import database, fill
from benchmarks.benchmark import Bench
from benchmarks.inside import prepare_roll_up, prepare_trails
from benchmarks.jobs import Job, run_together
from benchmarks.running import RunningPlatform
from storage.partitions import start_of

DAYS, MONTH_DAYS = 84, 30
NAMES = 10
"""event_0 to event_9."""

# Narrow, unlike other benchmarks' events: what reads them looks at who, what and when. No two at the same microsecond.
_ROWS = """
    INSERT INTO {{name}} (project_id, event_timestamp, id, received_at, event_type, event_name, event_category,
                          user_id, source, tags, event_data)
    SELECT {{project}}, moment, gen_random_uuid(), moment, 'user_action',
           'event_' || (hashint8extended(n, {seed}) & 1048575) % {names}, 'shop',
           'user-' || (hashint8extended(n, {seed} + 1) & 1073741823) % {people}, 'web', '{{{{}}}}', '{{{{}}}}'
    FROM generate_series({{first}}::bigint, {{last}}::bigint) AS n,
         LATERAL (SELECT {{start}}::timestamptz + n * ({{seconds}} / {{count}}::float8) * interval '1 second' AS moment)
"""


@dataclass(frozen=True, slots=True)
class Product:
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


def make_product(bench: Bench) -> Product:
    """A platform of its own with 12 weeks of events, whose trails are all made."""
    platform = bench.start_platform()
    url = platform.database_url
    people = bench.pick(small=50_000, full=1_000_000)
    today = datetime.now(UTC).date()
    counts = _counts_by_age(10 * people)
    # Else the worker would walk through the days as they are filled, and the rebuild would do its part again.
    run_together([Job(prepare_roll_up, platform.environ())])
    for age, count in counts.items():
        bench.progress.advance(age, DAYS, f"making {sum(counts.values()):,} events")
        _fill_day(platform, today - timedelta(days=age), count, people, seed=age)
    bench.progress.say("making trails")
    run_together([Job(prepare_trails, platform.environ(), start_of(today) - timedelta(days=DAYS))])
    database.empty_tables(url)
    in_a_month = sum(count for age, count in counts.items() if age <= MONTH_DAYS)
    return Product(platform, database.first_project_id(url), people, in_a_month, start_of(today))


def _counts_by_age(in_a_month: int) -> dict[int, int]:
    """Events of each day, by how many days ago it was."""
    before = in_a_month // 5 // (DAYS - MONTH_DAYS)
    return {age: in_a_month // MONTH_DAYS if age <= MONTH_DAYS else before for age in range(1, DAYS + 1)}


def _fill_day(platform: RunningPlatform, day: date, count: int, people: int, seed: int) -> None:
    url = platform.database_url
    rows = _ROWS.format(names=NAMES, people=people, seed=2 * seed)
    name = f"bench_{day:%Y%m%d}"
    fill.fill_day(url, name, database.first_project_id(url), day, count, rows=rows, vacuumed=True)
    fill.attach(url, name, day)
