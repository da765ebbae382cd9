"""PostgreSQL and Valkey for one test run, shared by all its processes."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from telemetry_platform.embedded.places import FALLBACK_FOLDER, find_place, short_hash
from telemetry_platform.embedded.postgres import PostgresServer, default_settings
from telemetry_platform.embedded.valkey import ValkeyServer
from telemetry_platform.environment import VARIABLES

_STARTED = "TELEMETRY_TEST_SERVERS"


def start_once() -> None:
    """Start the servers and export their URLs; workers of the same run find them in the environment.

    `TEST_DATABASE_URL` names a PostgreSQL to use instead of the embedded one.
    """
    if _STARTED in os.environ:
        return
    # What a developer has set for an own installation must not steer tests, nor be written to by them.
    for name in VARIABLES:
        os.environ.pop(name, None)
    home = make_home()
    atexit.register(remove_home, home)
    place = find_place(home)
    valkey = ValkeyServer(place)
    atexit.register(valkey.stop)
    valkey.start()
    os.environ["REDIS_URL"] = valkey.url
    os.environ["DATABASE_URL"] = os.environ.get("TEST_DATABASE_URL") or _start_postgres(place_of=home)
    os.environ["TELEMETRY_HOME"] = str(home)
    os.environ["SECRET_KEY"] = "only for tests " * 4
    os.environ[_STARTED] = str(os.getpid())


def _start_postgres(*, place_of: Path) -> str:
    settings = default_settings(web_workers=1) | {"max_connections": "300"}
    postgres = PostgresServer(find_place(place_of), settings, durable=False)
    atexit.register(postgres.stop)
    postgres.start()
    return postgres.url


def make_home() -> Path:
    """A data folder that the servers' account reaches; pytest's own temporary folders are closed to it."""
    home = Path(tempfile.mkdtemp(prefix="telemetry-tests-"))
    home.chmod(0o755)
    return home


def remove_home(home: Path) -> None:
    """Also what was put elsewhere because the account couldn't reach it."""
    shutil.rmtree(home, ignore_errors=True)
    shutil.rmtree(FALLBACK_FOLDER / short_hash(home), ignore_errors=True)
