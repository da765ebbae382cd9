"""Connections of the engine room's own, beside Django's: the writer and partition work must not share a request's."""

from __future__ import annotations

from typing import Any

import psycopg
from django.conf import settings
from django.db import connections
from psycopg.conninfo import conninfo_to_dict

CONNECT_TIMEOUT_SECONDS = 5
ADDRESS = ("host", "port", "user", "password", "dbname")
DJANGO_ONLY = ("context", "cursor_factory", "server_side_binding", "assume_role", "isolation_level", "pool")


def connect(*, direct: bool = False) -> psycopg.Connection[tuple[Any, ...]]:
    """A new autocommit connection to the default database.

    `direct` goes past a transaction pooler where DATABASE_DIRECT_URL names the server itself.
    Raises psycopg.OperationalError when the server can't be reached within 5 s.
    """
    parameters = dict(connections["default"].get_connection_params())
    direct_url = getattr(settings, "DATABASE_DIRECT_URL", None)
    if direct and direct_url:
        for name in ADDRESS:
            parameters.pop(name, None)
        parameters |= conninfo_to_dict(direct_url)
    for name in DJANGO_ONLY:
        parameters.pop(name, None)
    parameters["prepare_threshold"] = None
    parameters.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
    connection = psycopg.connect(**parameters, autocommit=True)
    # The engine room's protocols need a snapshot per statement, whatever the server's default is.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
    return connection
