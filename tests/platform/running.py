"""A whole platform started as an operator would, in a data folder of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg

from telemetry_platform.embedded.postgres import database_url
from telemetry_platform.environment import VARIABLES

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
READY_LINE = "Ctrl-C stops everything."
# What the command line of a child has in it.
PROGRAMS = {
    "web": "granian",
    "worker": "background worker",
    "beat": "background beat",
    "PostgreSQL": "/bin/postgres",
    "Valkey": "valkey-server",
}


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def operator_environ(**variables: str) -> dict[str, str]:
    """This process's environment without what steers the platform or the tests, and with `variables`."""
    foreign = {*VARIABLES, "DJANGO_SETTINGS_MODULE", "TELEMETRY_TEST_SERVERS"}
    return {name: value for name, value in os.environ.items() if name not in foreign} | variables


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a `manage.py` command to its end."""
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=PROJECT_FOLDER,
        env=operator_environ(**variables),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def wait_for(condition: Callable[[], Any], what: str, timeout_seconds: float = 30) -> Any:
    """The first true value of `condition`; an AssertionError naming `what` when there is none in time."""
    deadline = time.monotonic() + timeout_seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not in time: {what}"
        time.sleep(0.05)
    return value


class RunningPlatform:
    """`manage.py up` on one data folder; can be stopped, killed and started again."""

    def __init__(self, home: Path, **variables: str) -> None:
        self.home = home
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._variables = {"TELEMETRY_HOME": str(home), **variables}
        self._log = home / "console.log"

    # Starting and stopping

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start without waiting; the console of an earlier start is forgotten."""
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "up", "--port", str(self.port)],
                cwd=PROJECT_FOLDER,
                env=operator_environ(**self._variables),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self.process

    def start(self) -> float:
        """Start and wait until it says that it is ready; answers the seconds that took."""
        began = time.monotonic()
        process = self.spawn()
        wait_for(lambda: READY_LINE in self.console() or process.poll() is not None, "a start", 90)
        assert process.poll() is None, self.console()
        return time.monotonic() - began

    def is_running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def terminate(self) -> int:
        """SIGTERM, then wait; answers the exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    # Looking

    def console(self) -> str:
        """What the operator has seen since the last start."""
        return self._log.read_text()

    def child(self, name: str) -> psutil.Process | None:
        """The supervisor's own child of this name; None while there is none."""
        assert self.process is not None
        for process in psutil.Process(self.process.pid).children():
            try:
                if PROGRAMS[name] in " ".join(process.cmdline()):
                    return process
            except psutil.NoSuchProcess:
                continue
        return None

    def processes(self) -> list[str]:
        """Command lines of everything that lives on the data folder, whoever its parent is."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.pid != os.getpid() and self._is_ours(process):
                    found.append(" ".join(process.cmdline()))
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def _is_ours(self, process: psutil.Process) -> bool:
        on_folder = process.cwd().startswith(str(self.home))
        return on_folder or process.environ().get("TELEMETRY_HOME") == str(self.home)

    # Using

    def request(self, path: str, body: Any = None, key: str | None = None) -> Answer:
        """GET, or POST with a JSON body; status 0 where no whole answer comes."""
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        data = None if body is None else json.dumps(body).encode()
        sent = urllib.request.Request(self.url + path, data=data, headers=headers)
        try:
            with urllib.request.urlopen(sent, timeout=10) as response:
                return Answer(response.status, json.load(response))
        except urllib.error.HTTPError as error:
            return Answer(error.code, None)
        except (OSError, http.client.HTTPException):  # the latter when it dies in the middle of an answer
            return Answer(0, None)

    def wait_until_ready(self) -> None:
        wait_for(lambda: self.request("/ready").status == 200, "/ready with 200")

    def query(self, sql: str, *parameters: Any) -> Any:
        """The first column of the first row."""
        url = database_url(self.home)
        assert url
        with psycopg.connect(url) as connection:
            row = connection.execute(sql.encode(), parameters).fetchone()
        return row and row[0]

    def printed(self, label: str) -> str:
        """The value the console shows behind a label of the welcome."""
        found = re.search(rf"^  {label} +(\S+)$", self.console(), re.MULTILINE)
        assert found, self.console()
        return found[1]
