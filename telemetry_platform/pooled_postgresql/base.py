"""What Django looks for in a database backend."""

from __future__ import annotations

from typing import Any

from django.db.backends.postgresql import base

from telemetry_platform.connection_budget import WEB_POOL
from telemetry_platform.pooled_postgresql.pool import Connection, Pool

# A request that waits longer is answered with 503; a pooled connection rests for a minute before it is closed.
_pool = Pool(WEB_POOL, wait_seconds=10, idle_seconds=60)


class DatabaseWrapper(base.DatabaseWrapper):
    """Each thread has its wrapper, as ever; the connection in it is lent for a request (CONN_MAX_AGE is 0)."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection:
        make = super().get_new_connection
        return _pool.take(lambda: make(conn_params))

    def _close(self) -> None:
        if self.connection is not None:
            with self.wrap_database_errors:
                _pool.give_back(self.connection)
