"""Questions that read much are answered in time, or refused in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from projects.api.errors import BadRequest, TryAgain
from projects.time_limits import TooCostly, answered_within
from projects.turns import Busy

MOST_SECONDS = 60.0
"""For one question; whoever asks waits for it, and so does a worker of the web server."""


@contextmanager
def in_time(seconds: float = MOST_SECONDS) -> Iterator[None]:
    """A transaction that takes at most so long as a whole.

    Raises BadRequest (`too_costly`) for what costs more, TryAgain where others ask for as much.
    """
    try:
        with answered_within(seconds):
            yield
    except Busy as error:
        raise TryAgain(str(error)) from None
    except TooCostly as error:
        raise BadRequest(str(error), code="too_costly") from None
