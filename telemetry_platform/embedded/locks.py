"""Who runs the servers of a TELEMETRY_HOME, and who uses them meanwhile. A dead process frees its locks."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

_POLL_SECONDS = 0.1


class FileLock:
    """A lock on a file, taken for as long as the file is open in this process."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    def try_exclusive(self) -> bool:
        """Take it for this process alone; False when anybody has it."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Take it together with others; False when somebody has it alone."""
        return self._try(fcntl.LOCK_SH)

    def wait_exclusive(
        self, *, timeout_seconds: float, cancelled: Callable[[], bool] = lambda: False
    ) -> bool:
        """Take it as soon as it is free; False when it isn't in time."""
        deadline = time.monotonic() + timeout_seconds
        while not self.try_exclusive():
            if cancelled() or time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def release(self) -> None:
        """Give it back."""
        if self._file:
            self._file.close()
            self._file = None

    def _try(self, mode: int) -> bool:
        file = self._path.open("ab")
        try:
            fcntl.flock(file, mode | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            return False
        self._file = file
        return True


def owner_lock(home: Path) -> FileLock:
    """Held by the one process that starts and stops the servers: `up`, or a lone command."""
    return FileLock(home / "servers.lock")


@contextmanager
def used(home: Path) -> Iterator[None]:
    """While inside, a lone command that owns the servers doesn't stop them."""
    lock = _users_lock(home)
    lock.try_shared()
    try:
        yield
    finally:
        lock.release()


def wait_for_users(home: Path, *, timeout_seconds: float) -> bool:
    """True when nobody is inside `used` any more, False when time is up first."""
    lock = _users_lock(home)
    is_free = lock.wait_exclusive(timeout_seconds=timeout_seconds)
    lock.release()
    return is_free


def _users_lock(home: Path) -> FileLock:
    return FileLock(home / "users.lock")
