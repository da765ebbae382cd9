"""A platform started as an operator would, on a data folder of its own."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from telemetry_platform import environment, processes
from telemetry_platform.embedded.places import FALLBACK_FOLDER, short_hash
from telemetry_platform.embedded.postgres import database_url
from telemetry_platform.supervisor import programs

PROJECT_FOLDER = Path(__file__).resolve().parents[1]
KEY = "bench-key-" + "k" * 32
_READY_LINE = "Ctrl-C stops everything."
_START_SECONDS = 120
_LAST_LINES = 5


class PlatformError(RuntimeError):
    """The platform under test doesn't do as it should; the text says what."""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(condition: Callable[[], Any], what: str, timeout_seconds: float) -> Any:
    """The first true value of `condition`. Raises PlatformError naming `what` when there is none in time."""
    deadline = time.monotonic() + timeout_seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            raise PlatformError(f"not in time: {what}")
        time.sleep(0.05)
    return value


@contextmanager
def workplace() -> Iterator[Path]:
    """A folder on a real disk, where possible, that the database's account can pass through.

    `BENCHMARK_FOLDER` names the file system to measure on.
    """
    bases = (Path(os.environ.get("BENCHMARK_FOLDER", "/var/tmp")), Path(tempfile.gettempdir()))
    folder = Path(
        tempfile.mkdtemp(prefix="telemetry-bench-", dir=next(base for base in bases if base.is_dir()))
    )
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class RunningPlatform:
    """`manage.py up` with fresh data between `with` and its end."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="home-", dir=folder))
        self.home.chmod(0o755)
        self.port = free_port()
        self._variables = {"TELEMETRY_HOME": str(self.home), "TELEMETRY_API_KEY": KEY, **variables}
        self._log = self.home / "console.log"
        self._process: subprocess.Popen[bytes] | None = None
        self._others: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port)],
                cwd=PROJECT_FOLDER,
                env=self._operator_environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            wait_for(self._has_started, "a start", _START_SECONDS)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _has_started(self) -> bool:
        assert self._process is not None
        console = self._log.read_text()
        if self._process.poll() is not None:
            raise PlatformError(
                "the platform doesn't start:\n" + "\n".join(console.splitlines()[-_LAST_LINES:])
            )
        return _READY_LINE in console

    def _end(self) -> None:
        for process in self._others:
            processes.stop(process)
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        for folder in (self.home, FALLBACK_FOLDER / short_hash(self.home)):
            shutil.rmtree(folder, ignore_errors=True)

    def _operator_environ(self) -> dict[str, str]:
        """This process's environment without what steers a platform of its own."""
        foreign = {*environment.VARIABLES, "DJANGO_SETTINGS_MODULE"}
        return {name: value for name, value in os.environ.items() if name not in foreign} | self._variables

    @property
    def pid(self) -> int:
        """The supervisor's."""
        assert self._process is not None
        return self._process.pid

    @property
    def database_url(self) -> str:
        url = database_url(self.home)
        assert url is not None
        return url

    def environ(self, **variables: str) -> dict[str, str]:
        """What a process needs to run the platform's code on this platform's data."""
        operator = self._operator_environ() | variables
        return operator | programs.environ_of_children(environment.load(operator)) | variables

    def start_web(self, settings_module: str) -> int:
        """One more web server on the same data with other settings; returns its port."""
        port = free_port()
        environ = self.environ(PORT=str(port), DJANGO_SETTINGS_MODULE=settings_module)
        command = programs.web(environment.load(environ))
        with self._log.open("ab") as log:
            self._others.append(processes.spawn(command, environ=environ, folder=PROJECT_FOLDER, log=log))
        wait_for(lambda: _answers(port), "the second web server", _START_SECONDS)
        return port

    def post(self, path: str, body: Any) -> Any:
        """Send JSON, return JSON. Raises PlatformError for any status but 2xx."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {KEY}"}
        connection.request("POST", path, body=json.dumps(body), headers=headers)
        response = connection.getresponse()
        text = response.read()
        connection.close()
        if response.status // 100 != 2:
            raise PlatformError(f"POST {path}: {response.status} {text[:500]!r}")
        return json.loads(text)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
