"""How many connections the platform may take, and what `up` says about a server that allows fewer."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from telemetry_platform import environment
from telemetry_platform.connection_budget import needed, needed_direct
from telemetry_platform.supervisor.checks import check_database, databases
from telemetry_platform.supervisor.console import StartError

DOCUMENT = Path(__file__).parents[2] / "docs" / "tuning.md"


@pytest.mark.parametrize("web_workers", [1, 2, 4, 64])
def test_the_document_states_the_sum(web_workers: int) -> None:
    text = DOCUMENT.read_text()
    assert "18 x WEB_WORKERS + 17" in text
    assert needed(web_workers) == 18 * web_workers + 17
    assert "`WEB_WORKERS + 2` connections at most" in text
    assert needed_direct(web_workers) == web_workers + 2


@pytest.fixture
def role_with_40_connections() -> Iterator[str]:
    """Its URL on the run's server."""
    name, password = f"limited_{secrets.token_hex(4)}", "only for this test"
    names = {"name": sql.Identifier(name), "password": sql.Literal(password)}
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        connection.execute(
            sql.SQL("CREATE ROLE {name} LOGIN CONNECTION LIMIT 40 PASSWORD {password}").format(**names)
        )
        parts = conninfo_to_dict(os.environ["DATABASE_URL"])
        host, port = quote(str(parts["host"]), safe=""), parts.get("port", "5432")
        yield f"postgresql://{name}:{quote(password)}@/{parts['dbname']}?host={host}&port={port}"
        connection.execute(sql.SQL("DROP ROLE {name}").format(**names))


def test_a_server_that_allows_too_few_is_refused_with_both_numbers(role_with_40_connections: str) -> None:
    check_database("DATABASE_URL", role_with_40_connections, 40)
    with pytest.raises(StartError) as caught:
        check_database("DATABASE_URL", role_with_40_connections, 41)
    assert str(caught.value).startswith(
        "DATABASE_URL: the server allows 40 connections, the platform may take 41: raise max_connections"
    )


def test_behind_a_pooler_only_direct_connections_are_counted(tmp_path: Path) -> None:
    own = {"TELEMETRY_HOME": str(tmp_path), "DATABASE_URL": "postgresql://pooler/telemetry"}
    direct = {"DATABASE_DIRECT_URL": "postgresql://server/telemetry"}
    assert databases(environment.load(own)) == [("DATABASE_URL", own["DATABASE_URL"], needed(1))]
    assert databases(environment.load(own | direct)) == [
        ("DATABASE_URL", own["DATABASE_URL"], 0),
        ("DATABASE_DIRECT_URL", direct["DATABASE_DIRECT_URL"], needed_direct(1)),
    ]
    assert databases(environment.load({"TELEMETRY_HOME": str(tmp_path)})) == []
