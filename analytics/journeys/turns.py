"""One process at a time changes what is kept of journeys."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction

LOCK_CLASS = 0x7E20
STATEMENT_TIMEOUT = "5min"


@contextmanager
def turn() -> Iterator[bool]:
    """One transaction; False where another process is at work. Nothing waits: the next turn comes soon."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s, 0)", [LOCK_CLASS])
            (is_free,) = cursor.fetchone() or (False,)
            cursor.execute(f"SET LOCAL statement_timeout = '{STATEMENT_TIMEOUT}'")
        yield is_free
