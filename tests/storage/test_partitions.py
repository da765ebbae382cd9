"""Day partitions: on demand, ahead, at once by many."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import partial

import psycopg
import pytest
from psycopg import sql

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


def test_many_at_once_make_the_same_days_once() -> None:
    wanted = [OLD_DAY + timedelta(days=40 + n) for n in range(3)]
    failures: list[BaseException] = []

    def make(some: list[date]) -> None:
        try:
            with connect() as own:
                partitions._make(own, EVENTS, some)
        except BaseException as error:
            failures.append(error)

    run_all([partial(make, some) for some in (wanted, wanted[::-1], wanted[1:], wanted[:2])] * 2)
    assert failures == []
    assert {partitions.partition_name("telemetry_events", day) for day in wanted} <= days()


def test_more_days_than_one_transaction_makes_are_all_there_also_where_some_were() -> None:
    wanted = [OLD_DAY - timedelta(days=n) for n in range(2 * partitions.MADE_AT_ONCE + 1)]
    partitions.ensure(EVENTS, wanted[3:5])
    partitions.ensure(EVENTS, wanted)
    assert {partitions.partition_name("telemetry_events", day) for day in wanted} <= days()


def run_all(functions: Sequence[Callable[[], None]]) -> None:
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


def test_a_day_that_can_not_be_made_takes_no_other_with_it() -> None:
    wanted = [OLD_DAY - timedelta(days=100 + n) for n in range(4)]
    taken = sql.Identifier("made_by_hand")
    with connect() as own:
        own.execute(sql.SQL("CREATE TABLE {} (LIKE telemetry_events INCLUDING ALL)").format(taken))
        attach = sql.SQL("ALTER TABLE telemetry_events ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})")
        own.execute(attach.format(taken, partitions.start_of(wanted[2]), partitions.start_of(wanted[1])))
    try:
        with pytest.raises(psycopg.Error, match="overlap"):
            partitions.ensure(EVENTS, wanted)
        made = {partitions.partition_name("telemetry_events", day) for day in wanted}
        assert made - days() == {partitions.partition_name("telemetry_events", wanted[2])}
    finally:
        with connect() as own:
            own.execute(sql.SQL("DROP TABLE {}").format(taken))
