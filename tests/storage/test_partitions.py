"""Day partitions: on demand, ahead, at once by many."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from events.records import EVENTS
from storage import partitions
from storage.connections import connect

pytestmark = pytest.mark.django_db

OLD_DAY = datetime(2020, 1, 1, tzinfo=UTC).date()


def days() -> set[str]:
    return {partition.name for partition in partitions.partitions(EVENTS)}


def test_partitions_are_made_ahead_and_again_without_harm() -> None:
    today = datetime(2020, 6, 1, tzinfo=UTC).date()
    for _ in range(2):
        partitions.ensure_ahead(EVENTS, today, 3)
    wanted = {partitions.partition_name("telemetry_events", today + timedelta(days=n)) for n in range(-1, 4)}
    assert wanted <= days()


def test_many_at_once_make_a_day_once() -> None:
    day = OLD_DAY + timedelta(days=40)
    failures: list[BaseException] = []

    def make() -> None:
        try:
            with connect() as own:
                partitions._make(own, EVENTS, day)
        except BaseException as error:
            failures.append(error)

    run_all([make] * 8)
    assert failures == []
    assert partitions.partition_name("telemetry_events", day) in days()


def run_all(functions: list[Callable[[], None]]) -> None:
    threads = [threading.Thread(target=function) for function in functions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)


def test_making_a_partition_does_not_wait_for_an_open_reader() -> None:
    day = OLD_DAY + timedelta(days=50)
    with connect() as reader, reader.transaction():
        reader.execute("SELECT count(*) FROM telemetry_events")
        thread = threading.Thread(target=partitions.ensure, args=(EVENTS, [day]))
        thread.start()
        thread.join(timeout=5)
        assert not thread.is_alive()
    assert partitions.partition_name("telemetry_events", day) in days()


def test_new_partitions_carry_every_index_of_the_parent() -> None:
    day = OLD_DAY + timedelta(days=70)
    partitions.ensure(EVENTS, [day])
    with connect() as own:
        counts = own.execute(
            "SELECT count(*) FROM pg_indexes WHERE tablename IN (%s, 'telemetry_events') GROUP BY tablename",
            (partitions.partition_name("telemetry_events", day),),
        ).fetchall()
    assert len(counts) == 2
    assert counts[0] == counts[1]
