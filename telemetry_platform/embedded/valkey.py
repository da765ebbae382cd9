"""An embedded Valkey: Celery's broker on a socket, without persistence (business time lives in PostgreSQL's rows)."""

from __future__ import annotations

import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from telemetry_platform import processes
from telemetry_platform.embedded.errors import EmbeddedServerError
from telemetry_platform.embedded.logs import open_log
from telemetry_platform.embedded.places import Place, run_folder

STOP_SIGNAL = signal.SIGTERM
_POLL_SECONDS = 0.05


def redis_url(home: Path) -> str | None:
    """URL of the embedded Valkey that belongs to `home`; None before its first start."""
    folder = run_folder(home)
    return _url(folder) if folder else None


class ValkeyServer:
    """The server process and its socket."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """As redis-py reads it."""
        return _url(self.place.run)

    def start(self, *, cancelled: Callable[[], bool] = lambda: False, timeout_seconds: float = 30) -> None:
        """Start and wait for an answer. Raises EmbeddedServerError when none comes."""
        self.spawn()
        self.wait_until_ready(cancelled=cancelled, timeout_seconds=timeout_seconds)

    def wait_until_ready(
        self, *, cancelled: Callable[[], bool] = lambda: False, timeout_seconds: float = 30
    ) -> None:
        """Return when the server answers. Raises EmbeddedServerError as `start` does."""
        deadline = time.monotonic() + timeout_seconds
        while not self.accepts_connections():
            if self.process is None or self.process.poll() is not None:
                raise EmbeddedServerError(
                    f"Valkey ended while starting; see {self.place.home}/logs/valkey.log"
                )
            if cancelled() or time.monotonic() > deadline:
                raise EmbeddedServerError("Valkey didn't become ready in time")
            time.sleep(_POLL_SECONDS)

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server process without waiting for it."""
        command: list[str | Path] = [self.place.valkey]
        for name, value in self._settings().items():
            command += [f"--{name}", value]
        with open_log(self.place.home, "valkey") as log:
            self.process = processes.spawn(
                command,
                account=self.place.account,
                folder=self.place.run,
                log=log,
                stop_signal=STOP_SIGNAL,
            )
        return self.process

    def accepts_connections(self) -> bool:
        """Whether the server answers a ping now."""
        # By hand: the client library would cost the supervisor 20 MB for as long as it lives.
        try:
            with socket.socket(socket.AF_UNIX) as client:
                client.settimeout(2)
                client.connect(str(_socket(self.place.run)))
                client.sendall(b"PING\r\n")
                return client.recv(64).startswith(b"+PONG")
        except OSError:
            return False

    def stop(self, *, timeout_seconds: float = 20) -> None:
        """End the server; queued messages are gone, the next ticks send what is due."""
        if self.process is not None:
            processes.stop(self.process, stop_signal=STOP_SIGNAL, timeout_seconds=timeout_seconds)
            self.process = None

    def _settings(self) -> dict[str, str]:
        return {
            "port": "0",
            "unixsocket": str(_socket(self.place.run)),
            "unixsocketperm": "700",
            "dir": str(self.place.run),
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
            "loglevel": "warning",
            # A changed title would overwrite the environment that leftovers are recognised by.
            "set-proc-title": "no",
            "maxmemory-policy": "noeviction",
        }


def _socket(folder: Path) -> Path:
    return folder / "valkey.sock"


def _url(folder: Path) -> str:
    return f"unix://{_socket(folder)}"
