"""What keeping a journey up to date costs an event, as a share of what its ingest costs."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks import database
from benchmarks.benchmark import Bench, Benchmark
from benchmarks.events import PATH, TABLE, body_of, make_events, rows_of
from benchmarks.ingest import WEB_WORKERS, BatchRuns
from benchmarks.inside import prepare_journey
from benchmarks.jobs import Job
from benchmarks.load import request_bytes
from benchmarks.report import Row
from benchmarks.running import PlatformError
from benchmarks.traffic import Traffic

LIMIT_PERCENT = 10.0
MILESTONES = ("signed_up", "created_project", "invited_colleague", "paid")
EVENTS_TO_A_MILESTONE = 20
"""One event of so many is on the journey, of any of 100,000 people. Each that counts costs a row of its own."""

ROUNDS = 3


def requests_on_a_journey(seed: int, batch_count: int, batch_size: int) -> list[bytes]:
    """Batches of a shop's events, some of which reach a milestone."""
    events = make_events(seed, batch_count * batch_size)
    for number, event in enumerate(events[::EVENTS_TO_A_MILESTONE]):
        event["event_name"] = MILESTONES[number % len(MILESTONES)]
    starts = range(0, len(events), batch_size)
    return [request_bytes(PATH, body_of(events[start : start + batch_size])) for start in starts]


TRAFFIC = Traffic(TABLE, requests_on_a_journey, rows_of)


def run(bench: Bench) -> Sequence[Row]:
    """Ingest by HTTP, which fills both cores; then the upkeep, which has one: so its share is less than is said."""
    platform = bench.start_platform(WEB_WORKERS=str(WEB_WORKERS))
    BatchRuns(platform, 2, WEB_WORKERS, TRAFFIC).through_the_door()
    upkeep = Job(prepare_journey, platform.environ(), MILESTONES)
    upkeep.wait_until_prepared()
    bench.stack.callback(upkeep.close)
    runs = BatchRuns(platform, bench.pick(small=40, full=400), WEB_WORKERS, TRAFFIC)
    ingest_us = []
    for number in range(ROUNDS):
        bench.progress.advance(number, ROUNDS, "ingest")
        ingest_us.append(1e6 / runs.through_the_door())
    bench.progress.say("rolling up, following the journey")
    upkeep.go()
    upkeep_us = 1e6 * upkeep.result().value / (ROUNDS * runs.record_count)
    people = database.scalar(platform.database_url, "SELECT count(*) FROM journey_progress")
    if not people:
        raise PlatformError("nobody was followed")
    return [
        Row(
            "journey",
            1,
            "%",
            "lower",
            ours=[100 * upkeep_us / ingest for ingest in ingest_us],
            theirs=[LIMIT_PERCENT] * ROUNDS,
            notes=[
                f"upkeep {upkeep_us:.2f} us an event, ingest {min(ingest_us):.1f} to {max(ingest_us):.1f} us; "
                f"one event of {EVENTS_TO_A_MILESTONE} counts, {people:,} people; theirs is the limit"
            ],
        )
    ]


BENCHMARK = Benchmark("journey", run)
