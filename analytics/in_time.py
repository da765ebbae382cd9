"""Questions that read much are answered in time, or refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import OperationalError, transaction
from psycopg.errors import QueryCanceled

from projects.api.errors import BadRequest
from projects.time_limits import limit_statements

MOST_SECONDS = 60.0
"""For one question; whoever asks waits for it, and so does a worker of the web server."""


@contextmanager
def in_time(seconds: float = MOST_SECONDS) -> Iterator[None]:
    """A transaction whose statements take at most so long. Raises BadRequest (`too_costly`) for one that takes more."""
    try:
        with transaction.atomic():
            limit_statements(seconds)
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, QueryCanceled):
            raise BadRequest(
                f"Reading these events took more than {seconds:.0f} s: ask for a shorter range.",
                code="too_costly",
            ) from None
        raise
