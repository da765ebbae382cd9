"""Group commit under faults: nothing acknowledged is lost, nothing is stored twice, one request can't spoil another."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from django.db import connection

from events.records import EVENTS, EventRecord, prepare
from projects.models import Project
from storage import partitions
from storage.connections import connect
from storage.records import Answer, Bounds, Outcome, Receipt, Write, WriteRequest, digest_128
from storage.transaction import ReceiptMismatch
from storage.writer import GroupWriter, QueueFull, StoreUnavailable, ensure_partitions
from storage.writer import _writers as process_writers
from tests.clients import ProjectClient

pytestmark = pytest.mark.django_db


class Sender:
    """Writes events of one project through a writer and keeps what it was told."""

    def __init__(self, writer: GroupWriter, project_id: int) -> None:
        self.writer = writer
        self.project_id = project_id
        self.now = datetime.now(UTC)
        self.bounds = Bounds(
            project_id, self.now, self.now - timedelta(days=30), self.now + timedelta(hours=1)
        )

    def write_of(self, *names: str, ids: list[str] | None = None) -> Write:
        identifiers = ids or [str(uuid.uuid4()) for _ in names]
        records = [
            EventRecord(event_name=name, id=identifier, timestamp=self.now)
            for name, identifier in zip(names, identifiers, strict=True)
        ]
        write, errors = prepare(enumerate(records), self.bounds)
        assert errors == []
        return write

    def request(self, write: Write, told: list[Outcome]) -> WriteRequest:
        def answer(outcome: Outcome) -> Answer:
            told.append(outcome)
            return Answer(202, b"")

        return WriteRequest([write], answer, self.now)

    def send(self, write: Write) -> Outcome:
        told: list[Outcome] = []
        ensure_partitions([write])
        self.writer.write(self.request(write, told))
        return told[-1]

    def stored(self) -> list[str]:
        with connect() as own:
            rows = own.execute(
                "SELECT event_name FROM telemetry_events WHERE project_id = %s ORDER BY event_name",
                (self.project_id,),
            ).fetchall()
        return [row[0] for row in rows]


@pytest.fixture
def sender(project: Project) -> Iterator[Sender]:
    writer = GroupWriter()
    yield Sender(writer, project.pk)
    writer.close()


def poisoned(write: Write, position: int) -> Write:
    """A value that passes every check of ours and that only PostgreSQL refuses."""
    row = list(write.rows[position])
    row[EVENTS.position("tags")] = '{"n": 1e999999}'
    write.rows[position] = tuple(row)
    return write


def in_one_batch(sender: Sender, writes: list[Write]) -> list[Any]:
    """Send requests so that they share a transaction: they queue up while a lock holds the first one back."""
    told: list[list[Outcome]] = [[] for _ in writes]
    ensure_partitions(writes)
    with connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE telemetry_events IN EXCLUSIVE MODE")
        first = threading.Thread(target=sender.send, args=(sender.write_of("first"),))
        first.start()
        threads = [
            threading.Thread(target=sender.writer.write, args=(sender.request(write, heard),))
            for write, heard in zip(writes, told, strict=True)
        ]
        wait_for(lambda: waiting_for_lock() > 0)
        for thread in threads:
            thread.start()
        wait_for(lambda: len(sender.writer._queue) == len(writes))
    for thread in [first, *threads]:
        thread.join(timeout=20)
    return [heard[-1] for heard in told]


def waiting_for_lock() -> int:
    with connect() as own:
        row = own.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).fetchone()
    assert row
    return int(row[0])


def wait_for(condition: Any, seconds: float = 10) -> None:
    pause, deadline = threading.Event(), datetime.now(UTC) + timedelta(seconds=seconds)
    while not condition():
        assert datetime.now(UTC) < deadline, "condition not met in time"
        pause.wait(0.01)


def test_requests_of_one_batch_are_each_told_their_own_outcome(sender: Sender) -> None:
    shared = [str(uuid.uuid4())]
    writes = [sender.write_of("a", ids=shared), sender.write_of("a", ids=shared), sender.write_of("b", "c")]
    outcomes = in_one_batch(sender, writes)
    assert sorted((outcome.inserted, outcome.duplicates) for outcome in outcomes) == [(0, 1), (1, 0), (2, 0)]
    assert sender.stored() == ["a", "b", "c", "first"]


def test_a_poisoned_record_fails_only_itself(sender: Sender) -> None:
    outcome = sender.send(poisoned(sender.write_of("a", "bad", "c"), 1))
    assert (outcome.inserted, [error.index for error in outcome.errors]) == (2, [1])
    assert outcome.errors[0].code == "not_storable"
    assert sender.stored() == ["a", "c"]


def test_a_poisoned_record_in_a_shared_batch_fails_only_its_own_request(sender: Sender) -> None:
    outcomes = in_one_batch(
        sender, [sender.write_of("a"), poisoned(sender.write_of("bad"), 0), sender.write_of("c")]
    )
    assert [(outcome.inserted, len(outcome.errors)) for outcome in outcomes] == [(1, 0), (0, 1), (1, 0)]
    assert sender.stored() == ["a", "c", "first"]


def test_a_request_that_fails_for_any_reason_fails_alone(sender: Sender) -> None:
    bad = sender.write_of("bad")
    row = list(bad.rows[0])
    row[EVENTS.position("event_name")] = None
    bad.rows[0] = tuple(row)
    told: list[Outcome] = []
    writes = [sender.write_of("a"), bad, sender.write_of("c")]
    ensure_partitions(writes)
    results = sender.writer._store([sender.request(write, told) for write in writes])
    assert [type(result) for result in results] == [Answer, StoreUnavailable, Answer]
    assert sender.stored() == ["a", "c"]


def test_a_retry_is_answered_beside_a_mismatch_of_the_same_key(sender: Sender) -> None:
    def request(name: str, body: bytes) -> WriteRequest:
        made = sender.request(sender.write_of(name), [])
        made.receipt = Receipt(sender.project_id, "key", digest_128(body))
        made.answer = lambda outcome: Answer(202, body)
        return made

    ensure_partitions([sender.write_of("first")])
    first = sender.writer.write(request("first", b"X"))
    results = sender.writer._store([request("other", b"Y"), request("first", b"X"), request("first", b"X")])
    assert isinstance(results[0], ReceiptMismatch)
    assert results[1:] == [first, first]
    assert sender.stored() == ["first"]


def test_a_lost_connection_is_opened_again_and_the_batch_stored_once(sender: Sender) -> None:
    sender.send(sender.write_of("before"))
    assert sender.writer._connection is not None
    backend = sender.writer._connection.info.backend_pid
    with connect() as own:
        own.execute("SELECT pg_terminate_backend(%s::int)", (backend,))
    assert sender.send(sender.write_of("after")).inserted == 1
    assert sender.stored() == ["after", "before"]


def test_a_partition_dropped_behind_our_back_is_made_again(sender: Sender) -> None:
    sender.now -= timedelta(days=20)
    sender.send(sender.write_of("before"))
    with connect() as own:
        own.execute(f"DROP TABLE {partitions.partition_name('telemetry_events', sender.now.date())}")
    told: list[Outcome] = []
    sender.writer.write(sender.request(sender.write_of("after"), told))
    assert told[-1].inserted == 1


def test_a_partition_that_cannot_be_made_again_ends_in_an_answer_and_the_writer_lives_on(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender.now -= timedelta(days=21)
    sender.send(sender.write_of("before"))
    with connect() as own:
        own.execute(f"DROP TABLE {partitions.partition_name('telemetry_events', sender.now.date())}")
    with monkeypatch.context() as away:
        # The writer's own connection still stands; the one that would make the partition can't be opened.
        away.setitem(connection.settings_dict, "HOST", "/nonexistent")
        results = sender.writer._store([sender.request(sender.write_of("lost"), [])])
    assert [type(result) for result in results] == [StoreUnavailable]
    assert sender.send(sender.write_of("after")).inserted == 1


def test_a_full_queue_refuses_and_what_was_taken_is_stored(
    api: ProjectClient, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = GroupWriter(max_queued_rows=2)
    monkeypatch.setitem(process_writers, os.getpid(), writer)
    sender = Sender(writer, project.pk)
    sender.send(sender.write_of("zero"))
    with connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE telemetry_events IN EXCLUSIVE MODE")
        threads = [
            threading.Thread(target=sender.send, args=(sender.write_of(name),)) for name in ("a", "b", "c")
        ]
        threads[0].start()
        wait_for(lambda: waiting_for_lock() > 0)
        for thread in threads[1:]:
            thread.start()
        wait_for(lambda: len(writer._queue) == 2)
        with pytest.raises(QueueFull):
            writer.write(sender.request(sender.write_of("d"), []))
        refused = api.post("/api/v1/events", {"event_name": "e"})
    for thread in threads:
        thread.join(timeout=20)
    writer.close()
    assert (refused.status_code, refused.json()["code"]) == (503, "queue_full")
    assert int(refused["Retry-After"]) >= 1
    assert sender.stored() == ["a", "b", "c", "zero"]


def test_closing_stores_what_is_queued_first(project: Project) -> None:
    writer = GroupWriter()
    sender = Sender(writer, project.pk)
    sender.send(sender.write_of("zero"))
    with connect() as blocker, blocker.transaction():
        blocker.execute("LOCK TABLE telemetry_events IN EXCLUSIVE MODE")
        threads = [threading.Thread(target=sender.send, args=(sender.write_of(name),)) for name in ("a", "b")]
        threads[0].start()
        wait_for(lambda: waiting_for_lock() > 0)
        threads[1].start()
        wait_for(lambda: len(writer._queue) == 1)
        closing = threading.Thread(target=writer.close)
        closing.start()
    for thread in [*threads, closing]:
        thread.join(timeout=20)
    assert sender.stored() == ["a", "b", "zero"]


def test_two_writers_with_the_same_rows_in_other_order_store_each_once(project: Project) -> None:
    writers = [GroupWriter(), GroupWriter()]
    ids = [str(uuid.uuid4()) for _ in range(300)]
    names = [f"e{number:03}" for number in range(300)]
    told: list[Outcome] = []
    now = datetime.now(UTC)

    def send(writer: GroupWriter, order: int) -> None:
        sender = Sender(writer, project.pk)
        sender.now = now
        told.append(sender.send(sender.write_of(*names[::order], ids=ids[::order])))

    threads = [threading.Thread(target=send, args=(writers[n % 2], 1 - 2 * (n % 2))) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert sum(outcome.inserted for outcome in told) == 300
    assert sum(outcome.duplicates for outcome in told) == 1500
    assert Sender(writers[0], project.pk).stored() == names
    for writer in writers:
        writer.close()


def test_a_database_that_is_away_is_said_and_the_writer_lives_on(
    project: Project, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = GroupWriter()
    sender = Sender(writer, project.pk)
    sender.send(sender.write_of("before"))
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "/nonexistent")
        writer._disconnect()
        with pytest.raises(StoreUnavailable):
            writer.write(sender.request(sender.write_of("lost"), []))
    assert sender.send(sender.write_of("after")).inserted == 1
    writer.close()
    assert sender.stored() == ["after", "before"]


def test_commits_wait_for_the_disk() -> None:
    with connect() as own:
        assert own.execute("SHOW synchronous_commit").fetchone() == ("on",)
        assert isinstance(own, psycopg.Connection)
