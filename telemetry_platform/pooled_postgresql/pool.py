"""The pool itself: knows nothing of Django."""

from __future__ import annotations

import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus

Connection = psycopg.Connection[Any]


class PoolExhausted(psycopg.OperationalError):
    """All connections stayed in use for as long as a request may wait."""


class Pool:
    """At most `size` connections, made when they are needed; the one used last is handed out first.

    Whoever takes one gives it back, and nobody takes a second one while holding one: waiting can't deadlock.
    """

    def __init__(self, size: int, *, wait_seconds: float, idle_seconds: float) -> None:
        self._free_places = threading.BoundedSemaphore(size)
        self._wait_seconds = wait_seconds
        self._idle_seconds = idle_seconds
        self._idle: deque[tuple[float, Connection]] = deque()

    def take(self, connect: Callable[[], Connection]) -> Connection:
        """A living connection, made with `connect` where none lies idle.

        Raises PoolExhausted, or what `connect` raises.
        """
        if not self._free_places.acquire(timeout=self._wait_seconds):
            raise PoolExhausted(f"no connection came free within {self._wait_seconds:g} s")
        try:
            return self._take_idle() or connect()
        except BaseException:
            self._free_places.release()
            raise

    def give_back(self, connection: Connection) -> None:
        """Keep it for the next one, or close it where it can't be used again."""
        try:
            if connection.info.transaction_status == TransactionStatus.IDLE:
                self._idle.append((time.monotonic(), connection))
            else:
                connection.close()
        finally:
            self._free_places.release()
        self._close_rested()

    def close_idle(self) -> None:
        """Close what nobody uses."""
        while idle := self._pop(self._idle.pop):
            idle[1].close()

    def _take_idle(self) -> Connection | None:
        while idle := self._pop(self._idle.pop):
            if _is_quiet(idle[1]):
                return idle[1]
            idle[1].close()
        return None

    def _close_rested(self) -> None:
        """Give memory back: a rested connection is a process on the server."""
        oldest = time.monotonic() - self._idle_seconds
        while rested := self._pop(self._idle.popleft):
            if rested[0] > oldest:
                self._idle.appendleft(rested)
                return
            rested[1].close()

    @staticmethod
    def _pop(pop: Callable[[], tuple[float, Connection]]) -> tuple[float, Connection] | None:
        try:
            return pop()
        except IndexError:
            return None


def _is_quiet(connection: Connection) -> bool:
    """Whether the server has said nothing since: an idle connection becomes readable when its server ends it."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return not poll.poll(0)
