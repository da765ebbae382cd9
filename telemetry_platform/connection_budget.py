"""How many connections to PostgreSQL the platform takes at most, by process (docs/tuning.md states the sum)."""

from __future__ import annotations

WEB_POOL = 16
"""Django's, shared by all threads of a web process; more would only make the server's processes wait for its cores."""

_WEB_DIRECT = 1  # makes partitions, one thread at a time
_WEB = WEB_POOL + 1 + _WEB_DIRECT  # and the group writer

WORKER_CHILDREN = 2
"""Enough for ticks and deliveries of one machine."""

_WORKER_DIRECT = 1
_WORKER_CHILD = 3 + _WORKER_DIRECT  # Django's, the group writer's, one of a task's own; partitions
_DELIVERY_LANES = 8  # in one child at a time

_BEAT = 1
_RESERVE = 20  # psql, backups, management commands, and what PostgreSQL keeps for superusers


def needed(web_workers: int) -> int:
    """Of the platform at most, all its processes together."""
    return _WEB * web_workers + _WORKER_CHILD * WORKER_CHILDREN + _DELIVERY_LANES + _BEAT


def needed_direct(web_workers: int) -> int:
    """Those of them that go to DATABASE_DIRECT_URL where it is given."""
    return _WEB_DIRECT * web_workers + _WORKER_DIRECT * WORKER_CHILDREN


def max_connections(web_workers: int) -> int:
    """What a server should allow."""
    return needed(web_workers) + _RESERVE
