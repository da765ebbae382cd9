"""Settings of the embedded PostgreSQL by machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from telemetry_platform import connection_budget
from telemetry_platform.embedded.machine import Machine, memory_limit_bytes, this_machine
from telemetry_platform.embedded.places import find_place
from telemetry_platform.embedded.postgres import PostgresServer, default_settings
from telemetry_platform.embedded.tuning import memory_settings, parallel_settings, server_settings
from tests.servers import make_home, remove_home

GIBIBYTE = 1024**3


@pytest.mark.parametrize(
    ("memory_mib", "sizes"),
    [
        (512, ["64MB", "4MB", "256MB", "4MB", "32MB", "128MB", "1024MB"]),
        (1024, ["64MB", "4MB", "512MB", "4MB", "32MB", "128MB", "1024MB"]),
        (4096, ["256MB", "4MB", "2048MB", "4MB", "128MB", "256MB", "1024MB"]),
        (8192, ["512MB", "4MB", "4096MB", "8MB", "256MB", "512MB", "2048MB"]),
        (16384, ["512MB", "4MB", "8192MB", "16MB", "512MB", "1024MB", "4096MB"]),
        (262144, ["512MB", "4MB", "131072MB", "32MB", "512MB", "1024MB", "4096MB"]),
    ],
)
def test_sizes_follow_the_memory_within_bounds(memory_mib: int, sizes: list[str]) -> None:
    names = ["shared_buffers", "wal_buffers", "effective_cache_size", "work_mem", "maintenance_work_mem"]
    assert memory_settings(memory_mib) == dict(
        zip([*names, "min_wal_size", "max_wal_size"], sizes, strict=True)
    )


@pytest.mark.parametrize(
    ("cores", "counts"),
    [
        (1, ["0", "0", "0", "1"]),
        (2, ["1", "1", "1", "2"]),
        (8, ["4", "4", "2", "3"]),
        (64, ["32", "4", "2", "3"]),
    ],
)
def test_a_query_gets_half_of_the_cores_at_most(cores: int, counts: list[str]) -> None:
    """In all, for a query, for making an index; and autovacuum's."""
    assert list(parallel_settings(cores).values()) == counts


@pytest.mark.parametrize("web_workers", [1, 4, 16, 64])
def test_the_server_allows_what_all_web_workers_may_take(web_workers: int) -> None:
    settings = server_settings(Machine(8 * GIBIBYTE, cores=4), web_workers=web_workers)
    assert int(settings["max_connections"]) >= connection_budget.needed(web_workers) + 10


def test_a_containers_limit_counts_and_none_is_no_limit(tmp_path: Path) -> None:
    limited, unlimited = tmp_path / "limited", tmp_path / "unlimited"
    limited.write_text("536870912\n")
    unlimited.write_text("max\n")
    assert memory_limit_bytes(limited) == 536870912
    assert memory_limit_bytes(unlimited) > 1024 * GIBIBYTE
    assert memory_limit_bytes(tmp_path / "missing") > 1024 * GIBIBYTE
    assert this_machine().memory_bytes > 0


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """As `up` starts it, fsync and all."""
    home = make_home()
    made = PostgresServer(find_place(home), default_settings(web_workers=2))
    made.start()
    yield made
    made.stop()
    remove_home(home)


@pytest.mark.parametrize("name", ["fsync", "synchronous_commit", "full_page_writes", "autovacuum"])
def test_what_keeps_data_safe_stays_on(server: PostgresServer, name: str) -> None:
    assert setting(server, name) == "on"


def test_the_server_takes_every_setting_as_it_is_given(server: PostgresServer) -> None:
    with psycopg.connect(server.url) as connection:
        rows = connection.execute(
            "SELECT name FROM pg_settings WHERE source = 'command line' AND NOT pending_restart"
        ).fetchall()
    assert default_settings(web_workers=2).keys() <= {name for (name,) in rows}


def setting(server: PostgresServer, name: str) -> str:
    with psycopg.connect(server.url) as connection:
        row = connection.execute("SELECT current_setting(%s)", (name,)).fetchone()
    assert row is not None
    return str(row[0])
