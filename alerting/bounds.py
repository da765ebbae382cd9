"""Transactions whose statements can't hold a worker for ever."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction

from projects.time_limits import limit_statements

STATEMENT_TIMEOUT_MS = 10_000
"""For statements that touch few rows by index: past this the server is in trouble, and the next tick tries again."""


@contextmanager
def bounded_transaction(timeout_ms: int = STATEMENT_TIMEOUT_MS, *, durable: bool = False) -> Iterator[None]:
    """A transaction in which each statement, its wait for locks included, is cancelled after `timeout_ms`.

    Raises OperationalError from the statement cancelled.
    """
    with transaction.atomic(durable=durable):
        limit_statements(timeout_ms / 1000)
        yield
