"""Starts that can't work end with one line, exit code 1 and nothing left behind."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from telemetry_platform.embedded.locks import owner_lock
from tests.platform.running import free_port, manage


def refusal(*arguments: str, **variables: str) -> str:
    """The one line a refused `up` prints."""
    result = manage("up", *arguments, **variables)
    assert result.returncode == 1
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


def assert_nothing_started(home: Path) -> None:
    assert not (home / "postgresql").exists()
    lock = owner_lock(home)
    assert lock.try_exclusive()
    lock.release()


def test_a_taken_port_is_named(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        line = refusal("--port", str(port), TELEMETRY_HOME=str(tmp_path))
    assert line.startswith(f"error: port {port} on 127.0.0.1 is taken")
    assert_nothing_started(tmp_path)


def test_a_data_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    in_the_way = tmp_path / "file"
    in_the_way.touch()
    line = refusal(TELEMETRY_HOME=str(in_the_way / "home"))
    assert line == f"error: TELEMETRY_HOME {in_the_way}/home can't be made: Not a directory"


def test_a_wrong_value_is_named(tmp_path: Path) -> None:
    line = refusal(TELEMETRY_HOME=str(tmp_path), WEB_WORKERS="many")
    assert line == "error: WEB_WORKERS must be a whole number, not 'many'"
    assert_nothing_started(tmp_path)


@pytest.mark.parametrize("port", ["none", "0", "65536"])
def test_a_wrong_port_on_the_command_line_is_named(tmp_path: Path, port: str) -> None:
    assert "PORT must" in refusal("--port", port, TELEMETRY_HOME=str(tmp_path))


def test_a_database_that_refuses_is_named_without_its_password(tmp_path: Path) -> None:
    url = f"postgresql://somebody:hunter2@127.0.0.1:{free_port()}/telemetry"
    line = refusal("--port", str(free_port()), TELEMETRY_HOME=str(tmp_path), DATABASE_URL=url)
    assert line.startswith("error: DATABASE_URL: the database refuses:")
    assert "hunter2" not in line
    assert_nothing_started(tmp_path)


def test_a_lone_command_starts_the_embedded_server_and_stops_it(home: Path) -> None:
    result = manage("showmigrations", "projects", TELEMETRY_HOME=str(home))
    assert result.returncode == 0, result.stderr
    assert "[ ] 0001_initial" in result.stdout
    again = manage("showmigrations", "projects", TELEMETRY_HOME=str(home))
    assert again.stdout == result.stdout
