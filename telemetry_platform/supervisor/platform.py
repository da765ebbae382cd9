"""The platform as a whole: brought up step by step, watched, taken down in order."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import time
from types import FrameType
from urllib.parse import urlsplit

from telemetry_platform.embedded import postgres, valkey
from telemetry_platform.embedded.errors import EmbeddedServerError
from telemetry_platform.embedded.places import find_place
from telemetry_platform.environment import Environment
from telemetry_platform.supervisor import checks, ownership, programs
from telemetry_platform.supervisor.children import Child
from telemetry_platform.supervisor.console import Made, StartError, first_access, say, welcome

_LOOK_SECONDS = 0.2
_WEB_READY_SECONDS = 90.0
# Answers of a web process that has loaded but can't take telemetry yet.
_NOT_READY = {500, 502, 503}


class Stopped(Exception):
    """Somebody asked to stop while the start was under way."""


class Platform:
    """All processes of one TELEMETRY_HOME. `run` is called once."""

    def __init__(self, env: Environment) -> None:
        self._env = env
        # In starting order; stopped the other way round.
        self._children: list[Child] = []
        self._stop_requested = False
        self._owns = False

    def request_stop(self, number: int, frame: FrameType | None) -> None:
        """Signal handler: tells a waiting start at once, acts at the next look."""
        self._stop_requested = True
        if self._owns:
            self._write_state()

    def run(self) -> None:
        """Start, watch until a stop is requested, stop. Raises StartError with everything stopped again."""
        lock = ownership.take_ownership(self._env.home, self._is_stopping)
        try:
            self._own_and_run()
        finally:
            lock.release()

    def _own_and_run(self) -> None:
        ownership.end_leftovers(self._env.home)
        checks.check_all(self._env)
        self._owns = True
        self._write_state()
        try:
            self._start()
            self._watch()
        except (Stopped, EmbeddedServerError):
            # A server that was waited for in vain is no news when the wait was called off.
            if not self._stop_requested:
                raise
        finally:
            self._stop()
            self._owns = False
            ownership.clear_state(self._env.home)

    # Starting

    def _start(self) -> None:
        counters = programs.counters_folder(self._env.home)
        shutil.rmtree(counters, ignore_errors=True)
        counters.mkdir()
        self._start_servers()
        say("preparing the database")
        made = self._prepare()
        try:
            say("starting web, worker and beat")
            web = self._add(
                Child("web", lambda: programs.spawn(programs.web(self._env), programs.WEB_ENVIRON))
            )
            self._add(Child("worker", lambda: programs.spawn(programs.worker(), programs.WORKER_ENVIRON)))
            self._add(Child("beat", lambda: programs.spawn(programs.beat(), programs.BEAT_ENVIRON)))
            self._wait_for_web(web)
        except BaseException:
            # They are in the database already and can't be shown again.
            say("\n".join(first_access(self._env, made)))
            raise
        say(welcome(self._env, made))

    def _start_servers(self) -> None:
        if self._env.database_url and self._env.redis_url:
            return
        place = find_place(self._env.home)
        for note in place.notes:
            say(note)
        if not self._env.database_url:
            say(f"starting PostgreSQL in {place.data}")
            settings = postgres.default_settings(web_workers=self._env.web_workers)
            server = postgres.PostgresServer(place, settings)
            server.initialise()
            self._add(Child("PostgreSQL", server.spawn, postgres.STOP_SIGNAL))
            server.wait_until_ready(cancelled=self._is_stopping)
        if not self._env.redis_url:
            say("starting Valkey")
            broker = valkey.ValkeyServer(place)
            self._add(Child("Valkey", broker.spawn, valkey.STOP_SIGNAL))
            broker.wait_until_ready(cancelled=self._is_stopping)
        self._raise_if_stopped()

    def _prepare(self) -> Made:
        # Migrations take session locks, which a pooler in front of DATABASE_URL may lose.
        direct = {"DATABASE_URL": self._env.database_direct_url} if self._env.database_direct_url else {}
        with programs.spawn(programs.prepare(), direct, capture=True) as process:
            while process.poll() is None:
                if self._stop_requested:
                    process.terminate()
                time.sleep(_LOOK_SECONDS / 4)
            assert process.stdout is not None
            answer = process.stdout.read()
        self._raise_if_stopped()
        if process.returncode:
            raise StartError("the database couldn't be prepared; the lines above say why")
        return Made(**json.loads(answer))

    def _wait_for_web(self, web: Child) -> None:
        deadline = time.monotonic() + _WEB_READY_SECONDS
        while not self._web_answers():
            self._raise_if_stopped()
            self._look_after_children()
            if web.process is None or time.monotonic() > deadline:
                raise StartError("web doesn't become ready; the lines above say why")
            time.sleep(_LOOK_SECONDS / 2)

    def _web_answers(self) -> bool:
        host = "127.0.0.1" if self._env.host in {"0.0.0.0", "::"} else self._env.host
        connection = http.client.HTTPConnection(host, self._env.port, timeout=5)
        try:
            connection.request("GET", "/ready", headers={"Host": urlsplit(self._env.public_url).netloc})
            return connection.getresponse().status not in _NOT_READY
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    # Running

    def _watch(self) -> None:
        while not self._stop_requested:
            self._look_after_children()
            time.sleep(_LOOK_SECONDS)

    def _look_after_children(self) -> None:
        for child in self._children:
            child.look_after(time.monotonic())

    def _add(self, child: Child) -> Child:
        self._raise_if_stopped()
        self._children.append(child)
        child.launch(time.monotonic())
        return child

    # Stopping

    def _stop(self) -> None:
        self._stop_requested = True
        self._write_state()
        if self._children:
            say("stopping")
        for child in reversed(self._children):
            child.stop()
        if self._children:
            say("stopped")

    def _is_stopping(self) -> bool:
        return self._stop_requested

    def _raise_if_stopped(self) -> None:
        if self._stop_requested:
            raise Stopped

    def _write_state(self) -> None:
        state = ownership.OwnerState(os.getpid(), self._stop_requested, self._env.public_url)
        ownership.write_state(self._env.home, state)
