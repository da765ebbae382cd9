"""The embedded database for a management command: joined when it runs, else started for the command alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from telemetry_platform.embedded import locks
from telemetry_platform.embedded.errors import EmbeddedServerError
from telemetry_platform.embedded.places import find_place
from telemetry_platform.embedded.postgres import PostgresServer, database_url, default_settings

_POLL_SECONDS = 0.1
_JOIN_SECONDS = 60.0
# How long a command that owns the server lets others finish on it.
_USERS_SECONDS = 600.0


@contextmanager
def embedded_database(home: Path) -> Iterator[None]:
    """The embedded PostgreSQL of `home` answers while inside. Raises EmbeddedServerError when it can't."""
    owner = locks.owner_lock(home)
    deadline = time.monotonic() + _JOIN_SECONDS
    while not (owns := owner.try_exclusive()) and not _answers(home):
        # It is being started or stopped by its owner.
        if time.monotonic() > deadline:
            raise EmbeddedServerError(
                f"the PostgreSQL in {home} is held by another process but doesn't answer"
            )
        time.sleep(_POLL_SECONDS)
    if not owns:
        with locks.used(home):
            yield
        return
    try:
        with _own_server(home):
            yield
    finally:
        owner.release()


@contextmanager
def _own_server(home: Path) -> Iterator[None]:
    server = PostgresServer(find_place(home), default_settings(web_workers=1))
    try:
        server.start()
        yield
        locks.wait_for_users(home, timeout_seconds=_USERS_SECONDS)
    finally:
        server.stop()


def _answers(home: Path) -> bool:
    url = database_url(home)
    if url is None:
        return False
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except psycopg.OperationalError:
        return False
    return True
