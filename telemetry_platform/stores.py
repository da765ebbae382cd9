"""Addresses of PostgreSQL and Valkey as Django and Celery spell them."""

from __future__ import annotations

from typing import Any

import dj_database_url

from telemetry_platform.embedded import postgres, valkey
from telemetry_platform.environment import Environment

# Seconds. A store that doesn't answer must not hold a request or a tick for longer.
CONNECT_TIMEOUT_SECONDS = 5
KEEPALIVE_IDLE_SECONDS = 15
TCP_TIMEOUT_MILLISECONDS = 20_000


def database_url(env: Environment) -> str:
    """DATABASE_URL, or the embedded server's (before its first start: one that nothing listens on)."""
    return env.database_url or postgres.database_url(env.home) or "postgresql:///telemetry?host=/nonexistent"


def redis_url(env: Environment) -> str:
    """REDIS_URL, or the embedded server's, as redis-py reads it."""
    return env.redis_url or valkey.redis_url(env.home) or "unix:///nonexistent"


def broker_url(url: str) -> str:
    """The same address as Celery spells it."""
    if not url.startswith("unix://"):
        return url
    return url.replace("unix://", "redis+socket://", 1).replace("db=", "virtual_host=", 1)


def django_database(url: str) -> dict[str, Any]:
    """A `DATABASES` entry that works behind PgBouncer in transaction mode as well."""
    database: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=600, conn_health_checks=True))
    options = database.setdefault("OPTIONS", {})
    # A socket's folder arrives as an option; Django's own tools (dbshell) read HOST.
    database["HOST"] = options.pop("host", "") or database["HOST"]
    options.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    options.setdefault("keepalives_idle", KEEPALIVE_IDLE_SECONDS)
    options.setdefault("tcp_user_timeout", TCP_TIMEOUT_MILLISECONDS)
    options["prepare_threshold"] = None
    database["DISABLE_SERVER_SIDE_CURSORS"] = True
    return database


def pooled(database: dict[str, Any]) -> dict[str, Any]:
    """The same entry for a process with many threads: connections go back to its pool when a request ends."""
    return {**database, "ENGINE": "telemetry_platform.pooled_postgresql", "CONN_MAX_AGE": 0}
