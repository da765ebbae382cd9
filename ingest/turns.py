"""Large bodies become rows one after the other.

The interpreter runs one thread at a time anyhow. When eight threads compete for it, the writer's thread gets it back
late after each word from the server: 6 of 15 us an event were such waits. With one competitor it gets its turn soon.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

LARGE_BYTES = 16_384
"""Some 30 events; less is over before a thread would have to give way."""

_turn = threading.Lock()


@contextmanager
def turn(body_bytes: int) -> Iterator[None]:
    """Wait for one's turn where the body is large. Nothing inside may wait for the network or the database."""
    if body_bytes < LARGE_BYTES:
        yield
    else:
        with _turn:
            yield
