"""What has to hold before anything is started. Each check raises StartError with one line."""

from __future__ import annotations

import errno
import socket
import tempfile
from pathlib import Path

from telemetry_platform import connection_budget
from telemetry_platform.environment import Environment
from telemetry_platform.supervisor.console import StartError, say

OLDEST_POSTGRES = 150000
_CONNECT_TIMEOUT_SECONDS = 5
_ALLOWED_CONNECTIONS = """
SELECT least(
    current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - coalesce(current_setting('reserved_connections', true), '0')::int,
    nullif(datconnlimit, -1), nullif(rolconnlimit, -1))
FROM pg_database, pg_roles WHERE datname = current_database() AND rolname = current_user
"""


def check_all(env: Environment) -> None:
    """Run every check; nothing has been started yet."""
    check_home(env.home)
    check_port(env.host, env.port)
    for name, url, connections in databases(env):
        check_database(name, url, connections)
    if env.redis_url:
        warn_without_redis(env.redis_url)


def check_home(home: Path) -> None:
    """The data folder takes a file (asked by writing one: modes say nothing about read-only mounts)."""
    try:
        with tempfile.NamedTemporaryFile(dir=home):
            pass
    except OSError as error:
        raise StartError(f"TELEMETRY_HOME {home} is not writable: {error.strerror}") from None


def check_port(host: str, port: int) -> None:
    """Nobody listens where web is going to."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError:
        raise StartError(f"HOST {host!r} is not an address or name of this machine") from None
    with socket.socket(family, kind) as probe:
        # Connections of a platform that just stopped linger on the port and don't matter.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
        except OSError as error:
            raise StartError(_bind_problem(host, port, error)) from None


def _bind_problem(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {port} on {host} is taken by another program; choose one with PORT or --port"
    if error.errno == errno.EADDRNOTAVAIL:
        return f"HOST {host!r} is not an address of this machine"
    return f"can't listen on {host}:{port}: {error.strerror}"


def databases(env: Environment) -> list[tuple[str, str, int]]:
    """The operator's own: name of the variable, URL, and how many connections it has to allow.

    With DATABASE_DIRECT_URL given DATABASE_URL is a pooler, which bounds the connections behind it itself.
    """
    needed = connection_budget.needed(env.web_workers)
    direct = connection_budget.needed_direct(env.web_workers)
    wanted = (
        ("DATABASE_URL", env.database_url, 0 if env.database_direct_url else needed),
        ("DATABASE_DIRECT_URL", env.database_direct_url, direct),
    )
    return [(name, url, connections) for name, url, connections in wanted if url]


def check_database(name: str, url: str, connections: int) -> None:
    """The server lets us in, is young enough and allows so many connections."""
    import psycopg  # 15 MB that the supervisor of an embedded server doesn't need

    try:
        with psycopg.connect(
            url, connect_timeout=_CONNECT_TIMEOUT_SECONDS, prepare_threshold=None
        ) as connection:
            version = connection.info.server_version
            row = connection.execute(_ALLOWED_CONNECTIONS).fetchone()
    except psycopg.OperationalError as error:
        # libpq's text names host, port and user, never the password.
        raise StartError(f"{name}: the database refuses: {' '.join(str(error).split())}") from None
    except (psycopg.Error, UnicodeError):
        # This text would quote the URL.
        raise StartError(f"{name} is no URL that PostgreSQL's client understands") from None
    if version < OLDEST_POSTGRES:
        raise StartError(f"{name}: PostgreSQL {version // 10000} is too old; 15 to 18 are supported")
    if row and row[0] < connections:
        raise StartError(
            f"{name}: the server allows {row[0]} connections, the platform may take {connections}: "
            "raise max_connections, lower WEB_WORKERS or put PgBouncer between (docs/tuning.md)"
        )


def warn_without_redis(url: str) -> None:
    """Ingest works without the broker, so that a Redis which comes up later is no reason to refuse."""
    import redis  # as psycopg above, 20 MB

    client = redis.Redis.from_url(url, socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS, socket_timeout=5)
    try:
        client.ping()
    except redis.RedisError as error:
        say(f"warning: REDIS_URL doesn't answer ({type(error).__name__}); rules wait until it does")
    finally:
        client.close()
