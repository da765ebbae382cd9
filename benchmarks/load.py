"""A load client that costs little: requests are built before, one process drives all connections from one loop."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks.running import KEY, PlatformError

_BLOCK_BYTES = 65_536
_PATIENCE_SECONDS = 60.0


@dataclass(slots=True)
class Load:
    """What the server answered: how often which status, and for each answer when it came and how long it took."""

    statuses: Counter[int] = field(default_factory=Counter)
    answered_at: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    first_refusal: bytes = b""

    def check(self) -> None:
        """Raises PlatformError when anything but success came: such a run measures nothing."""
        if not self.statuses or not all(map(_is_success, self.statuses)):
            raise PlatformError(f"answers were {dict(self.statuses)}: {self.first_refusal[:300]!r}")


def _is_success(status: int) -> bool:
    return status // 100 == 2


def request_bytes(path: str, body: bytes, content_type: str = "application/json") -> bytes:
    """One POST as it goes over the wire."""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def prepare_load(
    port: int, connection_count: int, make_requests: Callable[..., list[bytes]], *args: object
) -> Callable[[], Load]:
    """A job (see benchmarks.jobs): each request once, as fast as the server answers."""
    requests = make_requests(*args)
    return lambda: drive(port, connection_count, requests)


def prepare_steady_load(
    port: int,
    connection_count: int,
    seconds: float,
    pause_seconds: float,
    make_requests: Callable[..., list[bytes]],
    *args: object,
) -> Callable[[], Load]:
    """A job: the requests over and over for so long, each connection resting after each answer."""
    requests = make_requests(*args)

    def until_time_is_up() -> Iterator[bytes]:
        ends_at = time.monotonic() + seconds
        number = 0
        while time.monotonic() < ends_at:
            yield requests[number % len(requests)]
            number += 1

    return lambda: drive(port, connection_count, until_time_is_up(), pause_seconds)


class _Connection:
    """One keep-alive connection: sends a request, collects its answer."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.began = 0.0
        self._unsent = memoryview(b"")
        self._answer = bytearray()

    def begin(self, request: bytes) -> bool:
        """Returns whether all of it went out at once."""
        self._unsent = memoryview(request)
        self._answer.clear()
        self.began = time.monotonic()
        return self.send()

    def send(self) -> bool:
        try:
            self._unsent = self._unsent[self.socket.send(self._unsent) :]
        except BlockingIOError:
            return False
        return not self._unsent

    def receive(self) -> tuple[int, bytes] | None:
        """(status, body) once the answer is complete."""
        block = self.socket.recv(_BLOCK_BYTES)
        if not block:
            raise PlatformError("the server closed a connection")
        self._answer += block
        head, separator, body = bytes(self._answer).partition(b"\r\n\r\n")
        if not separator:
            return None
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        return (int(head[9:12]), body) if len(body) >= length else None


def drive(port: int, connection_count: int, requests: Iterable[bytes], pause_seconds: float = 0.0) -> Load:
    """Send every request, each over the next free connection."""
    load, waiting = Load(), iter(requests)
    resting: list[tuple[float, _Connection]] = []
    with selectors.DefaultSelector() as selector:
        for _ in range(connection_count):
            resting.append((0.0, _Connection(port)))
        for _, connection in resting:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        busy = _begin_next(selector, resting, waiting)
        while busy or resting:
            patience = _PATIENCE_SECONDS if not resting else max(0.0, resting[0][0] - time.monotonic())
            events = selector.select(patience)
            if not events and not resting:
                raise PlatformError(f"no answer within {_PATIENCE_SECONDS:.0f} s")
            for key, mask in events:
                if _go_on(selector, key.data, mask, load):
                    busy -= 1
                    resting.append((time.monotonic() + pause_seconds, key.data))
            busy += _begin_next(selector, resting, waiting)
        for key in list(selector.get_map().values()):
            key.data.socket.close()
    return load


def _begin_next(
    selector: selectors.BaseSelector, resting: list[tuple[float, _Connection]], waiting: Iterator[bytes]
) -> int:
    """Start requests on connections that have rested; returns how many. None is left to rest when all is sent."""
    begun = 0
    while resting and resting[0][0] <= time.monotonic():
        request = next(waiting, None)
        if request is None:
            resting.clear()
            break
        _, connection = resting.pop(0)
        if not connection.begin(request):
            selector.modify(connection.socket, selectors.EVENT_READ | selectors.EVENT_WRITE, connection)
        begun += 1
    return begun


def _go_on(selector: selectors.BaseSelector, connection: _Connection, mask: int, load: Load) -> bool:
    """Send or receive what is possible; returns whether the answer is complete."""
    if mask & selectors.EVENT_WRITE and connection.send():
        selector.modify(connection.socket, selectors.EVENT_READ, connection)
    if not mask & selectors.EVENT_READ:
        return False
    answer = connection.receive()
    if answer is None:
        return False
    now = time.monotonic()
    status, body = answer
    load.statuses[status] += 1
    load.answered_at.append(now)
    load.seconds.append(now - connection.began)
    if not _is_success(status) and not load.first_refusal:
        load.first_refusal = body
    return True
