from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from telemetry_platform.embedded.errors import EmbeddedServerError
from telemetry_platform.embedded.locks import owner_lock, used, wait_for_users
from telemetry_platform.embedded.places import find_place, own_folder
from telemetry_platform.embedded.postgres import PostgresServer, database_url, default_settings
from telemetry_platform.supervisor.children import restart_delay
from tests.platform.running import wait_for
from tests.servers import remove_home

IS_ROOT = os.geteuid() == 0


@pytest.fixture
def server(home: Path) -> Iterator[PostgresServer]:
    made = PostgresServer(find_place(home), default_settings(web_workers=1), durable=False)
    yield made
    made.stop()


def test_a_killed_server_starts_again_with_its_data_and_without_old_backends(server: PostgresServer) -> None:
    server.start()
    connection = psycopg.connect(server.url, autocommit=True)
    connection.execute("CREATE TABLE kept AS SELECT 1 AS one")
    backend = psutil.Process(connection.info.backend_pid)
    assert server.process
    server.process.kill()
    server.process.wait()
    server.start()
    assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
    with psycopg.connect(server.url) as again:
        assert again.execute("SELECT one FROM kept").fetchone() == (1,)


def test_the_server_asks_for_a_password_and_listens_on_no_port(server: PostgresServer) -> None:
    server.start()
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.url, password="wrong")
    assert server.process
    assert psutil.Process(server.process.pid).net_connections("inet") == []
    assert (server.place.home / "postgresql_password").stat().st_mode & 0o777 == 0o600
    assert server.place.run.stat().st_mode & 0o777 == 0o700


def test_a_server_outlived_by_nobody_ends_with_its_parent(home: Path) -> None:
    child = os.fork()
    if child == 0:
        try:
            orphan = PostgresServer(find_place(home), default_settings(web_workers=1), durable=False)
            orphan.start()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert database_url(home)
    place = find_place(home)
    wait_for(lambda: not (place.data / "cluster" / "postmaster.pid").exists(), "the end of the server")


@pytest.mark.skipif(not IS_ROOT, reason="only root has to change accounts")
def test_as_root_data_go_where_the_servers_account_reaches_them(home: Path) -> None:
    closed = home / "closed"
    closed.mkdir(mode=0o700)
    inside = closed / "home"
    try:
        server = PostgresServer(find_place(inside), default_settings(web_workers=1), durable=False)
        assert not server.place.data.is_relative_to(closed)
        assert any(str(server.place.data.parent) in note for note in server.place.notes)
        server.start()
        assert database_url(inside) == server.url
        server.stop()
        assert closed.stat().st_mode & 0o777 == 0o700
    finally:
        remove_home(inside)


def test_sockets_move_where_their_path_fits(home: Path) -> None:
    deep = home / ("long" * 25)
    place = find_place(deep)
    try:
        assert len(str(place.run / ".s.PGSQL.5432")) <= 103
        assert place.data.is_relative_to(deep)
        assert find_place(deep).run == place.run
    finally:
        place.run.rmdir()


def test_a_folder_that_belongs_to_somebody_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").symlink_to(tmp_path)
    with pytest.raises(EmbeddedServerError, match="belongs to somebody else"):
        own_folder(tmp_path / "run", None)


def test_only_one_process_owns_the_servers_and_it_waits_for_their_users(tmp_path: Path) -> None:
    first, second = owner_lock(tmp_path), owner_lock(tmp_path)
    assert first.try_exclusive()
    assert not second.try_exclusive()
    first.release()
    assert second.try_exclusive()
    second.release()
    with used(tmp_path):
        assert not wait_for_users(tmp_path, timeout_seconds=0)
    assert wait_for_users(tmp_path, timeout_seconds=0)


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 0.5), (2, 1), (3, 2), (4, 4), (5, 8), (6, 10), (7, 10), (10_000, 10)]
)
def test_restarts_wait_longer_each_time_up_to_ten_seconds(failures: int, seconds: float) -> None:
    assert restart_delay(failures) == seconds
