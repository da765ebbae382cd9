"""One platform per data folder: who has it, who waits for it, and what a killed one left behind."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil

from telemetry_platform import processes
from telemetry_platform.embedded.locks import FileLock, owner_lock
from telemetry_platform.supervisor.console import StartError, say

# In the environment of every child: tells leftovers of a killed start from other programs.
MARK = "TELEMETRY_SUPERVISED_HOME"
_SETTLE_SECONDS = 2.0
_STOP_WAIT_SECONDS = 180.0
_LEFTOVER_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class OwnerState:
    """What the owner tells others about itself."""

    pid: int
    is_stopping: bool
    url: str


def write_state(home: Path, state: OwnerState) -> None:
    """Tell a start that waits for the data folder what is going on."""
    draft = home / "up.json.new"
    draft.write_text(json.dumps(asdict(state)))
    draft.replace(_state_path(home))


def clear_state(home: Path) -> None:
    """The platform has stopped."""
    _state_path(home).unlink(missing_ok=True)


def take_ownership(home: Path, cancelled: Callable[[], bool]) -> FileLock:
    """Take the data folder; wait for a platform that is stopping, or for a command that uses the servers alone.

    Raises StartError when a platform runs on it and goes on running.
    """
    lock = owner_lock(home)
    if lock.wait_exclusive(timeout_seconds=0):
        return lock
    _refuse_if_running(home)
    say("waiting for the last start to stop, or a command to end, on the same data folder")
    if not lock.wait_exclusive(timeout_seconds=_STOP_WAIT_SECONDS, cancelled=cancelled):
        raise StartError(f"the data folder {home} is still in use")
    return lock


def _refuse_if_running(home: Path) -> None:
    # An owner that was just told to stop may not have said so yet.
    deadline = time.monotonic() + _SETTLE_SECONDS
    while (state := _running_owner(home)) is not None:
        if time.monotonic() > deadline:
            raise StartError(
                f"a platform already runs on {home} at {state.url} (pid {state.pid}); stop it or set TELEMETRY_HOME"
            )
        time.sleep(0.1)


def _running_owner(home: Path) -> OwnerState | None:
    try:
        state = OwnerState(**json.loads(_state_path(home).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return state if not state.is_stopping and psutil.pid_exists(state.pid) else None


def end_leftovers(home: Path) -> None:
    """End children of a start that was killed; without parent they may still hold the port."""
    leftovers = _leftovers(home)
    if not leftovers:
        return
    say(f"ending {len(leftovers)} processes left by a start that was killed")
    for ask in (psutil.Process.terminate, psutil.Process.kill):
        for process in _leftovers(home):
            try:
                ask(process)
            except psutil.NoSuchProcess:
                continue
        if processes.wait_until(lambda: not _leftovers(home), _LEFTOVER_SECONDS):
            return


def _leftovers(home: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get(MARK) == str(home):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def _state_path(home: Path) -> Path:
    return home / "up.json"
