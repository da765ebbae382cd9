"""The scheduler of periodic tasks: rows that people edit in the admin, sent by one beat at a time."""

from __future__ import annotations

import logging
import os
import socket
import time
from typing import Any

from django.db import Error as DatabaseError
from django.db import close_old_connections
from django_celery_beat.schedulers import DatabaseScheduler

from telemetry_platform import leases

logger = logging.getLogger(__name__)

LEASE = "beat"
# As long as nothing is sent after a beat was killed.
LEASE_SECONDS = 6.0
_RENEW_SECONDS = LEASE_SECONDS / 4


class LeasedScheduler(DatabaseScheduler):
    """A DatabaseScheduler that sends nothing while another beat holds the lease.

    Correctness doesn't rest on it (claims are rows, tasks are idempotent): it saves the work of a second beat.
    """

    sync_every = 15
    """Seconds between writes of what ran when; people look at these rows to see that anything runs."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._holder = f"{socket.gethostname()}:{os.getpid()}:{time.time():.3f}"
        self._renew_at = 0.0
        self._holds = False
        super().__init__(*args, **kwargs)

    def tick(self, *args: Any, **kwargs: Any) -> float:
        """Send one due task; answers the seconds until the next call."""
        if not self._keep_lease():
            return float(self.max_interval)
        return float(super().tick(*args, **kwargs))

    def apply_entry(self, entry: Any, producer: Any = None) -> None:
        """Send a message; without broker it is left out, since the next one of its task does the same."""
        try:
            self.apply_async(entry, producer=producer, advance=False)
        except Exception as error:
            # Celery's own version writes two stack traces per message, through an outage of the broker.
            logger.warning("beat couldn't send %r: %s", entry.name, error)

    def close(self) -> None:
        """Write what was sent when, and let the next beat in."""
        super().close()
        try:
            leases.give_back(LEASE, self._holder)
        except DatabaseError:
            logger.warning("beat couldn't give its lease back; it ends by itself in %s s", LEASE_SECONDS)

    def _keep_lease(self) -> bool:
        if time.monotonic() < self._renew_at:
            return self._holds
        held_before, self._holds = self._holds, self._take()
        if self._holds and not held_before:
            # What another beat sent meanwhile is in the rows.
            self._initial_read = True
            self._heap = None
        self._renew_at = time.monotonic() + (_RENEW_SECONDS if self._holds else 0.0)
        return self._holds

    def _take(self) -> bool:
        try:
            close_old_connections()
            return leases.take(LEASE, self._holder, seconds=LEASE_SECONDS)
        except DatabaseError as error:
            logger.warning("beat can't reach the database: %s", type(error).__name__)
            return False
