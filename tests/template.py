"""The migrated database that each process of a parallel test run copies: migrating takes five seconds of a core."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from django.db import connections
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

_RUN = "PYTEST_XDIST_TESTRUNUID"
_LOCK_NUMBER = 0x7E1E_7E57
_MADE_BY = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s"


def copy_template() -> None:
    """Let this process copy the run's template, which the first that comes here makes; a lone process migrates."""
    run = os.environ.get(_RUN)
    if run is None:
        return
    name = _name()
    with _alone() as server:
        found = server.execute(_MADE_BY, [name]).fetchone()
        if found is None or found[0] != run:
            _migrate(name)
            server.execute(
                sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(name), sql.Literal(run))
            )
    # Nothing is left to migrate; Django would take a second to find that out.
    connections["default"].settings_dict["TEST"].update(TEMPLATE=name, MIGRATE=False)


def drop_template() -> None:
    """By whoever is ready first: the others have copied it long ago, or make it anew."""
    if _RUN in os.environ:
        with _alone() as server:
            server.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(_name())))


def _name() -> str:
    return f"test_{conninfo_to_dict(os.environ['DATABASE_URL'])['dbname']}_template"


@contextmanager
def _alone() -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as server:
        server.execute("SELECT pg_advisory_lock(%s)", [_LOCK_NUMBER])
        yield server


def _migrate(name: str) -> None:
    connection = connections["default"]
    settings = connection.settings_dict
    own_name, own_test = settings["NAME"], settings["TEST"]
    settings["TEST"] = {**own_test, "NAME": name}
    connection.creation.create_test_db(verbosity=0, autoclobber=True, serialize=False)
    # A database that somebody is connected to can't be copied.
    connection.close()
    settings["NAME"], settings["TEST"] = own_name, own_test
