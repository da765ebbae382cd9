"""One time limit over a whole conversation with another server.

Socket timeouts bound one read each: a peer that sends a byte every few seconds can hold a connection for hours.
"""

from __future__ import annotations

import socket
import threading
import time
from types import TracebackType
from typing import Self


class Deadline:
    """Shuts the watched sockets down when the time is up, whatever either side is doing.

    A socket is watched through a duplicate of its descriptor, because wrapping in TLS takes the original away.
    """

    def __init__(self, seconds: float) -> None:
        self._ends = time.monotonic() + seconds
        self._lock = threading.Lock()
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(seconds, self._shut_down)
        self._timer.daemon = True

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            for watched in self._sockets:
                watched.close()
            self._sockets.clear()

    def is_over(self) -> bool:
        return time.monotonic() >= self._ends

    def remaining_seconds(self) -> float:
        """What is left, for the timeouts of single steps. Raises TimeoutError when nothing is."""
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def watch(self, connected: socket.socket) -> None:
        with self._lock:
            self._sockets.append(connected.dup())
        if self.is_over():
            self._shut_down()

    def _shut_down(self) -> None:
        with self._lock:
            for watched in self._sockets:
                try:
                    watched.shutdown(socket.SHUT_RDWR)
                except OSError:  # the peer was faster
                    continue
