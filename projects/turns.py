"""Turns of large answers: what one may hold in memory is bounded elsewhere, how many are made at once is here.

An answer that may become large stands in `in_turn`; what finds that it is one calls `take_turn`. Small ones never wait.
What the database does for all of them is bounded by time limits and the number of connections.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from projects.time_limits import TooCostly, seconds_left

LARGE_AT_ONCE = 2
"""Answers of up to a gigabyte each, in one process."""

WAITING_AT_ONCE = 4
"""Whoever waits holds a connection, of which a web process has 16."""

LONGEST_WAIT_SECONDS = 10.0

_turns = threading.BoundedSemaphore(LARGE_AT_ONCE)
_waiting = threading.BoundedSemaphore(WAITING_AT_ONCE)


class Busy(TooCostly):
    """As many large answers are made as may be; the same question may be answered some seconds later."""


@dataclass(slots=True)
class _Turn:
    """Of one answer."""

    is_taken: bool = False


_turn: ContextVar[_Turn] = ContextVar("turn")


@contextmanager
def in_turn() -> Iterator[None]:
    """An answer that may turn out to be large; its turn ends with it. Not one inside another."""
    turn = _Turn()
    token = _turn.set(turn)
    try:
        yield
    finally:
        _turn.reset(token)
        if turn.is_taken:
            _turns.release()


def take_turn() -> None:
    """Wait until few enough others are large. Raises Busy where that takes too long, or too many wait already."""
    turn = _turn.get()
    if turn.is_taken:
        return
    if not (_turns.acquire(blocking=False) or _waited()):
        raise Busy("Others ask for as much at this moment and came first. Try again in some seconds.")
    turn.is_taken = True


def _waited() -> bool:
    if not _waiting.acquire(blocking=False):
        return False
    try:
        return _turns.acquire(timeout=min(seconds_left(), LONGEST_WAIT_SECONDS))
    finally:
        _waiting.release()
