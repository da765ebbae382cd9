"""An embedded PostgreSQL: initialised once, run as a direct child, reached through a socket and a password."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

import psutil

from telemetry_platform import processes
from telemetry_platform.embedded.errors import EmbeddedServerError
from telemetry_platform.embedded.logs import open_log
from telemetry_platform.embedded.machine import this_machine
from telemetry_platform.embedded.places import POSTGRES_MAJOR, Place, own_folder, run_folder
from telemetry_platform.embedded.tuning import server_settings

DATABASE = "telemetry"
USER = "telemetry"
STOP_SIGNAL = signal.SIGINT  # "fast": SIGTERM waits for clients for ever
_POLL_SECONDS = 0.05
_PID_FILE_LINES = 8
_OLD_PROCESSES_SECONDS = 20.0


def database_url(home: Path) -> str | None:
    """URL of the embedded database that belongs to `home`; None before its first start."""
    password_file, folder = _password_file(home), run_folder(home)
    if folder is None or not password_file.exists():
        return None
    return _url(folder, password_file.read_text().strip(), DATABASE)


def default_settings(*, web_workers: int) -> dict[str, str]:
    """Server settings for this machine, shared with the platform itself."""
    return server_settings(this_machine(), web_workers=web_workers)


class PostgresServer:
    """One data folder and the server process on it.

    `durable=False` is for tests: after a crash of the machine (not of a process) data may be lost.
    """

    def __init__(self, place: Place, settings: Mapping[str, str], *, durable: bool = True) -> None:
        self.place = place
        self.process: subprocess.Popen[bytes] | None = None
        self._durable = durable
        self._settings = dict(settings)
        if not durable:
            self._settings |= {"fsync": "off", "full_page_writes": "off"}

    @property
    def url(self) -> str:
        """The platform's database, as a libpq URL (holds the password: never log it)."""
        return _url(self.place.run, self._password(), DATABASE)

    @property
    def _cluster(self) -> Path:
        return self.place.data / "cluster"

    @property
    def _pid_file(self) -> Path:
        return self._cluster / "postmaster.pid"

    def start(self, *, cancelled: Callable[[], bool] = lambda: False, timeout_seconds: float = 600) -> None:
        """Initialise when needed, start, and wait until the database answers (crash recovery may take long).

        Raises EmbeddedServerError when the server ends, `cancelled` comes true or time is up.
        """
        self.initialise()
        self.spawn()
        self.wait_until_ready(cancelled=cancelled, timeout_seconds=timeout_seconds)

    def initialise(self) -> None:
        """`initdb` into a folder beside, then rename: an interrupted one leaves nothing half-made."""
        if self._cluster.exists():
            found = (self._cluster / "PG_VERSION").read_text().strip()
            if found != str(POSTGRES_MAJOR):
                raise EmbeddedServerError(
                    f"{self._cluster} was made by PostgreSQL {found}, this is {POSTGRES_MAJOR}: "
                    "dump it with the old version and restore it here"
                )
            return
        unfinished = self.place.data / "cluster.unfinished"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        password = secrets.token_urlsafe(24)
        self._run_initdb(own_folder(unfinished, self.place.account), password)
        _write_secret(_password_file(self.place.home), password)
        unfinished.rename(self._cluster)

    def spawn(self) -> subprocess.Popen[bytes]:
        """Start the server process without waiting for it; first waits for backends of a killed one."""
        self._clear_remains()
        command: list[str | Path] = [self.place.postgres, "-D", self._cluster, "-k", self.place.run]
        for name, value in (
            {"listen_addresses": "", "unix_socket_permissions": "0700"} | self._settings
        ).items():
            command += ["-c", f"{name}={value}"]
        with open_log(self.place.home, "postgresql") as log:
            self.process = processes.spawn(
                command,
                account=self.place.account,
                environ=_environ(),
                folder=self._cluster,
                log=log,
                stop_signal=STOP_SIGNAL,
            )
        return self.process

    def wait_until_ready(
        self, *, cancelled: Callable[[], bool] = lambda: False, timeout_seconds: float = 600
    ) -> None:
        """Return when clients may log in. Raises EmbeddedServerError as `start` does."""
        deadline = time.monotonic() + timeout_seconds
        while not self._says_ready():
            if self.process is None or self.process.poll() is not None:
                log = self.place.home / "logs" / "postgresql.log"
                raise EmbeddedServerError(f"PostgreSQL ended while starting; see {log}")
            if cancelled() or time.monotonic() > deadline:
                raise EmbeddedServerError("PostgreSQL didn't become ready in time")
            time.sleep(_POLL_SECONDS)

    def stop(self, *, timeout_seconds: float = 20) -> None:
        """Fast shutdown: open transactions are rolled back, data are checkpointed."""
        if self.process is not None:
            processes.stop(self.process, stop_signal=STOP_SIGNAL, timeout_seconds=timeout_seconds)
            self._clear_remains()
            self.process = None

    def _says_ready(self) -> bool:
        # The pid file's last line, as pg_ctl reads it; `spawn` removed the file of an earlier process.
        try:
            lines = self._pid_file.read_text().splitlines()
        except FileNotFoundError:
            return False
        return len(lines) == _PID_FILE_LINES and lines[-1].strip() == "ready"

    def _run_initdb(self, folder: Path, password: str) -> None:
        password_file = self.place.data / "first_password"
        _write_secret(password_file, password)
        if account := self.place.account:
            os.chown(password_file, account.uid, account.gid)
        locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        access = [f"--username={USER}", "--auth=scram-sha-256", f"--pwfile={password_file}"]
        sync = [] if self._durable else ["--no-sync"]
        try:
            self._run([self.place.initdb, "-D", folder, *access, *locale, *sync], folder)
        finally:
            password_file.unlink()
        self._run(
            [self.place.postgres, "--single", "-D", folder, "postgres"],
            folder,
            text=f"CREATE DATABASE {DATABASE}\n",
        )

    def _run(self, command: Sequence[str | Path], folder: Path, *, text: str = "") -> None:
        account = self.place.account
        result = subprocess.run(
            command,
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
            cwd=folder,
            env=_environ(),
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if result.returncode:
            lines = [line for line in result.stderr.splitlines() if line.strip()] or ["no message"]
            raise EmbeddedServerError(f"PostgreSQL couldn't make its data folder: {lines[-1]}")

    def _clear_remains(self) -> None:
        """End what a killed start left on the data folder, then remove its pid file.

        Backends notice the death of their server by themselves; one that hangs is killed, since two generations on one
        data folder would corrupt it. Without live processes the pid file only names a number another process may bear.
        """
        self._end_orphaned_server()
        if not processes.wait_until(lambda: not self._processes_on_cluster(), _OLD_PROCESSES_SECONDS):
            for process in self._processes_on_cluster():
                process.kill()
            processes.wait_until(lambda: not self._processes_on_cluster(), _OLD_PROCESSES_SECONDS)
        self._pid_file.unlink(missing_ok=True)

    def _end_orphaned_server(self) -> None:
        """Where the kernel doesn't do it at its parent's death: a server that lives has to be asked to end."""
        server = int(self._pid_file.read_text().split()[0]) if self._pid_file.exists() else 0
        for process in self._processes_on_cluster():
            if process.pid == server:
                process.send_signal(STOP_SIGNAL)

    def _processes_on_cluster(self) -> list[psutil.Process]:
        found = []
        cluster = str(self._cluster.resolve())
        for process in psutil.process_iter():
            try:
                is_ours = process.name() == "postgres" and process.status() != psutil.STATUS_ZOMBIE
                if is_ours and process.cwd() == cluster:
                    found.append(process)
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue
        return found

    def _password(self) -> str:
        return _password_file(self.place.home).read_text().strip()


def _password_file(home: Path) -> Path:
    return home / "postgresql_password"


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)


def _url(folder: Path, password: str, database: str) -> str:
    return f"postgresql://{USER}:{quote(password)}@/{database}?host={quote(str(folder), safe='')}"


def _environ() -> dict[str, str]:
    # PG* variables of the operator are meant for clients of other servers; the locale is fixed in initdb.
    return {"PATH": os.environ.get("PATH", os.defpath), "TZ": "UTC", "LC_ALL": "C"}
