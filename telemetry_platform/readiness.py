"""What `/ready` looks at. Each check answers True or False within seconds and never raises."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

import redis
from django.conf import settings
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from alerting.health import stalls
from storage.writer import get_writer
from telemetry_platform import leases
from telemetry_platform.beat import LEASE as BEAT_LEASE
from telemetry_platform.worker_lease import LEASE as WORKER_LEASE

logger = logging.getLogger(__name__)

LATE_MESSAGE = timedelta(seconds=60)
VALKEY_TIMEOUT_SECONDS = 1.0
BACKGROUND = ("valkey", "worker", "beat", "evaluation", "delivery")

_migrated = False


def essential() -> dict[str, bool]:
    """Without these, telemetry can't be taken or stored."""
    database = _holds(_database_answers)
    return {
        "database": database,
        "migrations": database and _holds(_is_migrated),
        "queue": not get_writer().is_full(),
    }


def background() -> dict[str, bool]:
    """Without these, telemetry is stored but rules or messages are late."""
    return {
        "valkey": _holds(_valkey_answers),
        "worker": _holds(lambda: leases.is_held(WORKER_LEASE)),
        "beat": _holds(lambda: leases.is_held(BEAT_LEASE)),
        "evaluation": _holds(_evaluation_is_on_time),
        "delivery": _holds(_delivery_is_on_time),
    }


def _holds(check: Callable[[], bool]) -> bool:
    try:
        return check()
    except Exception as error:
        # Whatever is wrong, the answer of this page is "no"; the reason belongs in the log.
        logger.warning("readiness check failed: %s", type(error).__name__)
        return False


def _database_answers() -> bool:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT NOT pg_is_in_recovery()")
        row = cursor.fetchone()
    return bool(row and row[0])


def _is_migrated() -> bool:
    """Looks at the migration table until all are applied once; an older process keeps working after that."""
    global _migrated  # noqa: PLW0603  # a fact of the process that never becomes untrue again
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _valkey_answers() -> bool:
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=VALKEY_TIMEOUT_SECONDS,
        socket_connect_timeout=VALKEY_TIMEOUT_SECONDS,
    )
    try:
        return bool(client.ping())
    finally:
        client.close()


def _evaluation_is_on_time() -> bool:
    """The tick runs, and no healthy rule waits for its evaluation."""
    now = timezone.now()
    return not stalls.evaluation_stall(stalls.facts(now), now)


def _delivery_is_on_time() -> bool:
    """Retries and paused channels that wait for their time are not late; what is due and still lies there is."""
    now = timezone.now()
    return not stalls.delivery_stall(stalls.facts(now, LATE_MESSAGE), now)
