"""Debian's PgBouncer in transaction mode in front of the test run's PostgreSQL."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from benchmarks.debian import Program
from telemetry_platform import processes
from telemetry_platform.embedded.accounts import server_account
from telemetry_platform.processes import Account
from tests.platform.running import free_port, wait_for

POOL_SIZE = 6
"""Far fewer than the platform's own connections, so that transactions of different processes share one."""


@dataclass(frozen=True, slots=True)
class Urls:
    """One database by two ways."""

    pooled: str
    direct: str


@contextmanager
def fresh_database() -> Iterator[str]:
    """The URL of an empty database on the run's server."""
    server = os.environ["DATABASE_URL"]
    name = f"pgbouncer_{secrets.token_hex(4)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield _with_database(server, name)
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@contextmanager
def pgbouncer(program: Program, database_url: str, folder: Path) -> Iterator[Urls]:
    """A running PgBouncer for one database; `folder` has to be open to the servers' account."""
    account = server_account()  # as PostgreSQL, it refuses to run as root
    port = free_port()
    place = Path(tempfile.mkdtemp(prefix="pgbouncer-", dir=folder))
    _write_files(place, database_url, port)
    _hand_over(place, account)
    with (place / "log").open("wb") as log:
        process = processes.spawn(
            [program.path, place / "pgbouncer.ini"],
            account=account,
            environ={**os.environ, **program.environ},
            folder=place,
            log=log,
        )
    parts = conninfo_to_dict(database_url)
    pooled = f"postgresql://{parts['user']}:{parts.get('password', '')}@127.0.0.1:{port}/{parts['dbname']}"
    try:
        wait_for(lambda: _answers(pooled) or process.poll() is not None, "PgBouncer")
        assert process.poll() is None, (place / "log").read_text()
        yield Urls(pooled, database_url)
    finally:
        processes.stop(process)


def _write_files(place: Path, database_url: str, port: int) -> None:
    parts = conninfo_to_dict(database_url)
    password = str(parts.get("password", ""))
    server = " ".join(f"{name}={parts[name]}" for name in ("host", "port", "dbname") if name in parts)
    # The password in the clear: PgBouncer needs it for SCRAM with the server.
    (place / "users.txt").write_text(f'"{parts["user"]}" "{password}"\n')
    (place / "pgbouncer.ini").write_text(f"""
[databases]
{parts["dbname"]} = {server}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = {"scram-sha-256" if password else "trust"}
auth_file = {place}/users.txt
pool_mode = transaction
default_pool_size = {POOL_SIZE}
max_client_conn = 200
""")


def _hand_over(place: Path, account: Account | None) -> None:
    if account:
        for path in (place, *place.iterdir()):
            os.chown(path, account.uid, account.gid)


def _answers(url: str) -> bool:
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _with_database(url: str, name: str) -> str:
    before, _, options = url.partition("?")
    base = before.rsplit("/", 1)[0]
    return f"{base}/{name}?{options}" if options else f"{base}/{name}"
