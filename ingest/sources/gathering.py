"""The tallies of this process and the thread that stores them every few seconds."""

from __future__ import annotations

import logging
import os
import threading
import time
from multiprocessing.util import Finalize

from django.conf import settings
from django.db import close_old_connections
from django.utils import timezone

from ingest.sources import storing
from ingest.sources.tallies import Gathered, Place, Tally

logger = logging.getLogger(__name__)

FLUSH_SECONDS = 5.0

gathered = Gathered()
_flusher_of = 0
_lock = threading.Lock()


def note(place: Place, tally: Tally) -> None:
    """Count one request; the first one starts this process's flusher."""
    gathered.add(place, tally)
    if _flusher_of != os.getpid() and settings.SOURCES_FLUSHES:
        _start_flusher()


def flush() -> None:
    """Store what was gathered; what can't be stored now goes with the next flush. Never raises."""
    taken = gathered.take()
    if not taken:
        return
    try:
        storing.add_up(taken)
    except Exception as error:
        # Whatever it is, it must end neither the thread nor the page that wants the newest numbers.
        gathered.give_back(taken, timezone.now())
        logger.warning("what arrived could not be counted: %s", type(error).__name__)


def _start_flusher() -> None:
    global _flusher_of  # noqa: PLW0603 - one thread per process, also after a fork
    with _lock:
        if _flusher_of == os.getpid():
            return
        _flusher_of = os.getpid()
        threading.Thread(target=_flush_forever, name="sources", daemon=True).start()
        # Not atexit, which web's workers skip: they are children of multiprocessing.
        Finalize(None, flush, exitpriority=0)


def _flush_forever() -> None:
    while True:
        time.sleep(FLUSH_SECONDS)
        flush()
        close_old_connections()
