"""Processes die by SIGKILL while telemetry comes in: what was acknowledged is there, once."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil
import pytest

from tests.acceptance.conftest import KEY, World
from tests.platform.running import RunningPlatform, wait_for

pytestmark = [
    pytest.mark.xdist_group("acceptance"),
    pytest.mark.parametrize("world", ["embedded"], indirect=True),
]

EVENT_TYPE = "crash_test"
BATCH = 5
CLIENTS = 3
BATCHES_BETWEEN_KILLS = 30
NUMBERS = "SELECT array_agg((event_data ->> 'number')::int) FROM telemetry_events WHERE event_type = %s"
SUMMARY = "SELECT sum(event_count) FROM telemetry_events_hourly_summary WHERE event_type = %s"
ROLL_UP_EVERY_SECOND = """
WITH noticed AS (UPDATE django_celery_beat_periodictasks SET last_update = clock_timestamp())
UPDATE django_celery_beat_periodictask SET interval_id = (
    SELECT min(id) FROM django_celery_beat_intervalschedule WHERE every = 1 AND period = 'seconds')
WHERE name = 'Roll up' RETURNING interval_id
"""
IS_ROLLED_UP = """
SELECT closed_to > now() - interval '30 minutes' AND NOT EXISTS (
    SELECT FROM rollup_invalidations AS log WHERE log.raw_table = mark.raw_table)
FROM rollup_watermarks AS mark WHERE mark.raw_table = 'telemetry_events'
"""
ROLLED_AND_RAW = """
SELECT ARRAY[
    (SELECT sum(event_count) FROM event_rollup_hours WHERE event_type = wanted),
    (SELECT count(*) FROM telemetry_events WHERE event_type = wanted AND event_timestamp < closed_to)]
FROM rollup_watermarks, CAST(%s AS text) AS wanted WHERE raw_table = 'telemetry_events'
"""


class Clients:
    """Threads that send numbered events and repeat each batch, ids and all, until it is acknowledged."""

    def __init__(self, platform: RunningPlatform) -> None:
        self.acknowledged: list[int] = []
        self._platform = platform
        self._numbers = itertools.count()
        self._stopping = threading.Event()
        self._threads = [threading.Thread(target=self._send_all) for _ in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Return when the last batch is acknowledged."""
        self._stopping.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive(), "a batch was never acknowledged"

    def wait_for_progress(self, after: str) -> None:
        wanted = len(self.acknowledged) + BATCHES_BETWEEN_KILLS * BATCH
        wait_for(lambda: len(self.acknowledged) >= wanted, f"acknowledged events after {after}", 60)

    def _send_all(self) -> None:
        while not self._stopping.is_set():
            numbers = [next(self._numbers) for _ in range(BATCH)]
            body = {"events": [numbered(number) for number in numbers]}
            while self._platform.request("/api/v1/events", body, KEY).status != 202:
                # A platform that is coming up refuses at once.
                threading.Event().wait(0.05)
            self.acknowledged.extend(numbers)


def numbered(number: int) -> dict[str, Any]:
    """An event of this hour or the last two; each fourth without a time, so that its id alone makes it unique."""
    event: dict[str, Any] = {
        "event_name": "numbered",
        "event_type": EVENT_TYPE,
        "id": f"number-{number}",
        "properties": {"number": number},
    }
    if number % 4:
        event["timestamp"] = (datetime.now(UTC) - timedelta(minutes=40 * (number % 4))).isoformat()
    return event


def kill_web_server(platform: RunningPlatform) -> None:
    """The process with the threads; Granian's own supervisor starts another."""
    wait_for(lambda: leaves(platform, "web"), "a web process")[0].kill()


def kill_web(platform: RunningPlatform) -> None:
    wait_for(lambda: platform.child("web"), "web").kill()


def kill_worker_child(platform: RunningPlatform) -> None:
    wait_for(lambda: leaves(platform, "worker"), "a worker's child")[0].kill()


def kill_postgresql(platform: RunningPlatform) -> None:
    wait_for(lambda: platform.child("PostgreSQL"), "PostgreSQL").kill()


def leaves(platform: RunningPlatform, name: str) -> list[psutil.Process]:
    """Processes that this child of the supervisor has forked."""
    child = platform.child(name)
    return child.children() if child else []


KILLS: tuple[Callable[[RunningPlatform], None], ...] = (
    kill_web_server,
    kill_worker_child,
    kill_postgresql,
    kill_web,
    kill_postgresql,
)


def test_acknowledged_events_survive_kills_exactly_once_and_roll_ups_agree(world: World) -> None:
    platform = world.platform
    assert platform.query(ROLL_UP_EVERY_SECOND)
    clients = Clients(platform)
    clients.start()
    try:
        clients.wait_for_progress("the start")
        for kill in KILLS:
            kill(platform)
            clients.wait_for_progress(kill.__name__)
    finally:
        clients.stop()
    platform.wait_until_ready()
    stored = platform.query(NUMBERS, EVENT_TYPE)
    assert sorted(stored) == sorted(clients.acknowledged)
    assert platform.query(SUMMARY, EVENT_TYPE) == len(stored)
    wait_for(lambda: platform.query(IS_ROLLED_UP), "the roll-up of late hours", 60)
    rolled_count, raw_count = platform.query(ROLLED_AND_RAW, EVENT_TYPE)
    assert rolled_count == raw_count > 0
    assert platform.query(SUMMARY, EVENT_TYPE) == len(stored)
