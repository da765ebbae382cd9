"""Reading a request's body: whole, bounded, inflated; what is too much is read and thrown away before the answer."""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol

import cramjam

MAX_SENT_BYTES = 20_000_000
MAX_INFLATED_BYTES = 50_000_000
MAX_DRAINED_BYTES = 64_000_000
CHUNK_BYTES = 65_536
MAX_MEMBERS = 1_000

# Of web's 72 threads. A body that trickles in holds one; the others must stay free for /health and for people.
MAX_READERS = 56
MAX_DRAINERS = 8
MAX_READER_WAIT_SECONDS = 1.0

_readers = threading.BoundedSemaphore(MAX_READERS)
_drainers = threading.BoundedSemaphore(MAX_DRAINERS)

_WINDOW_BITS = {"gzip": 31, "deflate": 15}
DEFLATED = frozenset(_WINDOW_BITS)
SNAPPY = "snappy"


class BodyTooLarge(ValueError):
    """More than 20 MB sent, or more than 50 MB after decompression."""


class TooManyReaders(Exception):
    """So many bodies are coming in slowly that no thread can be spared for another."""


class UnknownEncoding(ValueError):
    """A Content-Encoding this server doesn't read."""


class BrokenEncoding(ValueError):
    """The body is not what its Content-Encoding says."""


class Stream(Protocol):
    def read(self, size: int, /) -> bytes: ...


class BodyReader:
    """The input of one WSGI request. Reads blocks, never lines, and never past Content-Length."""

    def __init__(self, environ: dict[str, Any]) -> None:
        self._stream: Stream = environ["wsgi.input"]
        length = str(environ.get("CONTENT_LENGTH") or "")
        chunked = "chunked" in str(environ.get("HTTP_TRANSFER_ENCODING", "")).lower()
        self.declared_bytes = (
            int(length) if length.isascii() and length.isdigit() else (None if chunked else 0)
        )
        self._taken = 0

    def _take(self, size: int) -> bytes:
        if self.declared_bytes is not None:
            size = min(size, self.declared_bytes - self._taken)
        block = self._stream.read(size) if size > 0 else b""
        self._taken += len(block)
        return block

    def read(self) -> bytes:
        """The body as sent. Raises BodyTooLarge past 20 MB, after reading the rest away, or TooManyReaders."""
        if not _readers.acquire(timeout=MAX_READER_WAIT_SECONDS):
            raise TooManyReaders
        try:
            return self._read()
        finally:
            _readers.release()

    def _read(self) -> bytes:
        if self.declared_bytes is not None and self.declared_bytes > MAX_SENT_BYTES:
            drain(self._take)
            raise BodyTooLarge
        blocks: list[bytes] = []
        total = 0
        while block := self._take(MAX_SENT_BYTES + 1 - total):
            blocks.append(block)
            total += len(block)
            if total > MAX_SENT_BYTES:
                drain(self._take)
                raise BodyTooLarge
        return b"".join(blocks)


def drain(read: Callable[[int], bytes]) -> None:
    """Read and throw away up to 64 MB, so that a client in the middle of sending sees the answer.

    Only a few at a time: the others see their connection closed.
    """
    if not _drainers.acquire(blocking=False):
        return
    try:
        for _ in range(MAX_DRAINED_BYTES // CHUNK_BYTES):
            if not read(CHUNK_BYTES):
                return
    finally:
        _drainers.release()


def inflate(body: bytes, encoding: str, allowed: Iterable[str] = DEFLATED) -> bytes:
    """Undo a Content-Encoding (one of those allowed, or identity), stopping at 50 MB."""
    name = encoding.strip().lower().removeprefix("x-")
    if name in ("", "identity"):
        return body
    if name not in allowed:
        known = ", ".join(sorted(allowed))
        raise UnknownEncoding(f"Content-Encoding {encoding[:100]!r} is not supported; use {known} or none.")
    if name == SNAPPY:
        return _unsnapped(body)
    try:
        return b"".join(_members(memoryview(body), _WINDOW_BITS[name]))
    except zlib.error:
        raise BrokenEncoding(f"The body is not valid {name}.") from None


def _unsnapped(body: bytes) -> bytes:
    """Snappy's block format; the framed one is broken here, as remote write wants it. The size stands in front."""
    try:
        if cramjam.snappy.decompress_raw_len(body) > MAX_INFLATED_BYTES:
            raise BodyTooLarge
        return bytes(cramjam.snappy.decompress_raw(body))
    except cramjam.DecompressionError:
        raise BrokenEncoding("The body is not valid snappy in block format.") from None


def _members(body: memoryview, window_bits: int) -> Iterator[bytes]:
    """The inflated parts of one or more members, in slices: taking the rest of the body anew for each member
    would cost the square of their number."""
    position, left = 0, MAX_INFLATED_BYTES
    for _ in range(MAX_MEMBERS):
        inflater = zlib.decompressobj(window_bits)
        while not inflater.eof:
            chunk = body[position : position + CHUNK_BYTES]
            if not chunk:
                raise BrokenEncoding("The compressed body ends too early.")
            part = inflater.decompress(chunk, left + 1)
            position += len(chunk) - len(inflater.unused_data) - len(inflater.unconsumed_tail)
            left -= len(part)
            if left < 0:
                raise BodyTooLarge
            yield part
        if position == len(body):
            return
    raise BrokenEncoding(f"The compressed body has more than {MAX_MEMBERS} members.")
