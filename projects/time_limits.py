"""How long statements may take, and answers as a whole."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from django.db import OperationalError, connection, transaction
from psycopg.errors import QueryCanceled
from psycopg.pq import TransactionStatus


class TooCostly(Exception):
    """An answer would take more time or memory than it may; the text says so in plain words, and what to do."""


@dataclass(slots=True)
class _Deadline:
    """Of one answer; `ends_at` by `time.monotonic()`, `limit_seconds` is what its statements are limited to."""

    ends_at: float
    seconds: float
    limit_seconds: float = math.inf


_Execute = Callable[[Any, Any, bool, dict[str, Any]], Any]

_deadline: ContextVar[_Deadline | None] = ContextVar("deadline", default=None)

_TOLERANCE = 0.1
"""Of the whole time: so much longer an answer may take at most, as not every statement is worth a limit of its own."""


@contextmanager
def answered_within(seconds: float) -> Iterator[None]:
    """A transaction that may take so long as a whole, however many statements it has and whatever is done with them.

    Statements made through Django end in time; before others call `limit_to_time_left`, in long loops `check_time`.
    Inside another one the earlier end counts; in another transaction its limit of statements stays behind, as all
    that is set there does. Raises TooCostly.
    """
    outer = _deadline.get()
    ends_at = time.monotonic() + seconds
    token = _deadline.set(_Deadline(min(ends_at, outer.ends_at) if outer else ends_at, seconds))
    try:
        with transaction.atomic(), connection.execute_wrapper(_checked):
            check_time()
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise _too_slow(seconds) from None
        raise
    finally:
        _deadline.reset(token)
        if outer:
            # By now this one's limit is in force; or where it failed, the one before it.
            outer.limit_seconds = math.inf


def seconds_left() -> float:
    """Until the answer's time is over, 0 at least; infinite where it has no limit."""
    deadline = _deadline.get()
    return max(deadline.ends_at - time.monotonic(), 0) if deadline else math.inf


def check_time() -> None:
    """Raises TooCostly where the answer's time is over. Looks at the clock alone: the connection may be busy."""
    if deadline := _deadline.get():
        _left(deadline)


def limit_to_time_left() -> None:
    """Likewise, else limits the next statements to what is left. Never inside a COPY, which holds the connection:
    psycopg would wait for its end for ever.
    """
    deadline = _deadline.get()
    if deadline is None:
        return
    left = _left(deadline)
    if deadline.limit_seconds - left > deadline.seconds * _TOLERANCE:
        limit_statements(left)


def _left(deadline: _Deadline) -> float:
    left = deadline.ends_at - time.monotonic()
    if left <= 0:
        raise _too_slow(deadline.seconds)
    return left


def limit_statements(seconds: float) -> None:
    """Inside a transaction: each of its statements that takes longer, waits for locks included, ends with an error.

    The error is OperationalError with psycopg's QueryCanceled as its cause. The limit ends with the transaction, as
    nothing of a session survives PgBouncer.
    """
    if deadline := _deadline.get():
        deadline.limit_seconds = seconds
    # 0 would be no limit at all.
    milliseconds = max(round(seconds * 1000), 1)
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])


def _checked(execute: _Execute, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
    # A transaction in which a statement has failed takes nothing but its end.
    if connection.connection.info.transaction_status != TransactionStatus.INERROR:
        limit_to_time_left()
    try:
        return execute(sql, params, many, context)
    finally:
        if (deadline := _deadline.get()) and str(sql).startswith("ROLLBACK TO "):
            # With a savepoint go the limits that were set after it.
            deadline.limit_seconds = math.inf


def _too_slow(seconds: float) -> TooCostly:
    return TooCostly(
        f"This took longer than {seconds:.0f} s and was stopped. "
        "Choose a shorter time range, or filter by something that narrows it down, and try again."
    )
