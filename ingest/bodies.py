"""Reading a request's body: whole, bounded, inflated; what is too much is read and thrown away before the answer."""

from __future__ import annotations

import zlib
from typing import Any, Protocol

MAX_SENT_BYTES = 20_000_000
MAX_INFLATED_BYTES = 50_000_000
MAX_DRAINED_BYTES = 64_000_000
CHUNK_BYTES = 65_536

_WINDOW_BITS = {"gzip": 31, "x-gzip": 31, "deflate": 15}


class BodyTooLarge(ValueError):
    """More than 20 MB sent, or more than 50 MB after decompression."""


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
        """The body as sent. Raises BodyTooLarge past 20 MB, after reading the rest away."""
        if self.declared_bytes is not None and self.declared_bytes > MAX_SENT_BYTES:
            self.drain()
            raise BodyTooLarge
        blocks: list[bytes] = []
        total = 0
        while block := self._take(MAX_SENT_BYTES + 1 - total):
            blocks.append(block)
            total += len(block)
            if total > MAX_SENT_BYTES:
                self.drain()
                raise BodyTooLarge
        return b"".join(blocks)

    def drain(self) -> None:
        """Read and throw away up to 64 MB, so that a client in the middle of sending sees the answer."""
        while self._taken < MAX_DRAINED_BYTES and self._take(CHUNK_BYTES):
            pass


def inflate(body: bytes, encoding: str) -> bytes:
    """Undo a Content-Encoding (gzip, deflate, identity), stopping at 50 MB."""
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return body
    if name not in _WINDOW_BITS:
        raise UnknownEncoding(f"Content-Encoding {encoding!r} is not supported; use gzip, deflate or none.")
    parts: list[bytes] = []
    left = MAX_INFLATED_BYTES
    try:
        while body:
            inflater = zlib.decompressobj(_WINDOW_BITS[name])
            part = inflater.decompress(body, left + 1)
            left -= len(part)
            if left < 0:
                raise BodyTooLarge
            if not inflater.eof:
                raise BrokenEncoding(f"The {name} body ends too early.")
            parts.append(part)
            body = inflater.unused_data
    except zlib.error:
        raise BrokenEncoding(f"The body is not valid {name}.") from None
    return b"".join(parts)
