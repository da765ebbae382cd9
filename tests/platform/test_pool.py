"""The bounded pool of a web process, on a real server."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from telemetry_platform.pooled_postgresql.pool import Connection, Pool, PoolExhausted
from tests.platform.running import wait_for

URL = os.environ["DATABASE_URL"]


def connect() -> Connection:
    return psycopg.connect(URL, autocommit=True)


def backend(connection: Connection) -> int:
    return connection.info.backend_pid


@pytest.fixture
def pool_of() -> Iterator[Callable[..., Pool]]:
    """Makes pools; their idle connections are closed at the end."""
    made: list[Pool] = []

    def make(size: int, wait_seconds: float = 30, idle_seconds: float = 60) -> Pool:
        made.append(Pool(size, wait_seconds=wait_seconds, idle_seconds=idle_seconds))
        return made[-1]

    yield make
    for pool in made:
        pool.close_idle()


def test_more_threads_than_connections_all_get_one_in_turn(pool_of: Callable[..., Pool]) -> None:
    pool, seen, lock = pool_of(3), set[int](), threading.Lock()

    def ask(number: int) -> int:
        connection = pool.take(connect)
        with lock:
            seen.add(backend(connection))
        row = connection.execute("SELECT %s::int", (number,)).fetchone()
        pool.give_back(connection)
        assert row is not None
        return int(row[0])

    with ThreadPoolExecutor(24) as threads:
        assert list(threads.map(ask, range(200))) == list(range(200))
    assert len(seen) <= 3


def test_a_connection_is_used_again(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(2)
    first = pool.take(connect)
    pool.give_back(first)
    assert pool.take(connect) is first
    pool.give_back(first)


def test_waiting_ends_with_an_error_that_django_knows(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(1, wait_seconds=0.05)
    taken = pool.take(connect)
    with pytest.raises(PoolExhausted, match=r"no connection came free within 0.05 s") as caught:
        pool.take(connect)
    assert isinstance(caught.value, psycopg.OperationalError)
    pool.give_back(taken)
    pool.give_back(pool.take(connect))


def test_connections_that_the_server_ended_are_never_handed_out(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(3)
    taken = [pool.take(connect) for _ in range(3)]
    ended = {backend(connection) for connection in taken}
    for connection in taken:
        pool.give_back(connection)
    with connect() as other:
        for pid in ended:
            other.execute("SELECT pg_terminate_backend(%s::int, 5000)", (pid,))
        fresh = pool.take(connect)
        assert backend(fresh) not in ended
        assert fresh.execute("SELECT 1").fetchone() == (1,)
    pool.give_back(fresh)


def test_an_unfinished_transaction_does_not_reach_the_next_one(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(1)
    left = pool.take(connect)
    left.execute("BEGIN")
    pool.give_back(left)
    assert left.closed
    pool.give_back(pool.take(connect))


def test_a_server_that_refuses_is_an_error_at_once_and_costs_no_place(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(1)
    for _ in range(3):
        with pytest.raises(psycopg.OperationalError):
            pool.take(lambda: psycopg.connect("postgresql:///none?host=/nonexistent"))
    pool.give_back(pool.take(connect))


def test_rested_connections_are_closed(pool_of: Callable[..., Pool]) -> None:
    pool = pool_of(2, idle_seconds=0)
    taken = pool.take(connect)
    pid = backend(taken)
    pool.give_back(taken)
    with connect() as other:
        gone = "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s)"
        wait_for(lambda: other.execute(gone, (pid,)).fetchone() == (True,), "the backend's end")
