"""Child processes: started in a group of their own, never outliving their parent, ended by id."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import psutil

_PR_SET_PDEATHSIG = 1
_POLL_SECONDS = 0.05
# Loaded before any fork: a child between fork and exec must not load libraries.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


@dataclass(frozen=True, slots=True)
class Account:
    """The operating system's account a child runs under."""

    name: str
    uid: int
    gid: int


def _signal_when_parent_dies(number: signal.Signals) -> Callable[[], None] | None:
    if _libc is None:
        return None
    prctl = _libc.prctl
    parent = os.getpid()

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the request was made
            os.kill(os.getpid(), number)

    return ask_kernel


def spawn(
    command: Sequence[str | Path],
    *,
    account: Account | None = None,
    environ: Mapping[str, str] | None = None,
    folder: Path | None = None,
    log: BinaryIO | None = None,
    capture: bool = False,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `command` as a direct child in its own process group of this session.

    Output goes to `log`, else where this process writes; `capture` makes stdout a pipe instead. On Linux the kernel
    sends `stop_signal` to the child when this process dies, however it dies.
    """
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE if capture else log,
        stderr=log,
        env=None if environ is None else dict(environ),
        cwd=folder,
        process_group=0,
        user=account.uid if account else None,
        group=account.gid if account else None,
        extra_groups=[] if account else None,
        # Runs after the change of account, which would clear the request.
        preexec_fn=_signal_when_parent_dies(stop_signal),  # noqa: PLW1509 - this process has no threads that hold locks
    )


def wait_until(condition: Callable[[], bool], timeout_seconds: float) -> bool:
    """Poll `condition`; False when it didn't come true in time."""
    deadline = time.monotonic() + timeout_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def group_members(group_id: int, *, since: float = 0.0) -> list[psutil.Process]:
    """Living processes of a process group, started at `since` (epoch seconds) or later."""
    members = []
    for process in psutil.process_iter():
        try:
            is_member = os.getpgid(process.pid) == group_id and process.status() != psutil.STATUS_ZOMBIE
            if is_member and process.create_time() >= since:
                members.append(process)
        except (ProcessLookupError, psutil.NoSuchProcess):
            continue
    return members


def kill_leftovers(group_id: int, *, since: float = 0.0) -> None:
    """SIGKILL what is left of a group whose leader has gone: it would keep ports and files busy."""
    for process in group_members(group_id, since=since):
        try:
            process.kill()
        except psutil.NoSuchProcess:
            continue


def stop(
    process: subprocess.Popen[bytes],
    *,
    stop_signal: signal.Signals = signal.SIGTERM,
    timeout_seconds: float = 20,
) -> None:
    """Ask a child to end, wait, then SIGKILL; its whole group is gone afterwards."""
    if process.poll() is None:
        process.send_signal(stop_signal)
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    kill_leftovers(process.pid)
