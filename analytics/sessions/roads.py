"""The two roads to sessions. Both answer the same; one takes a tenth of the other's time."""

from __future__ import annotations

from contextlib import suppress

from analytics.sessions import raw_road
from analytics.sessions.answers import Sessions
from analytics.sessions.question import Question
from storage.rollups.windows import Window


def read(question: Question, window: Window | None = None) -> Sessions:
    """Raises django.db.Error, TooCostly. Inside a transaction, whose memory for sorting it may raise."""
    # Here, because it needs numpy: 20 MB that no web process should hold before somebody asks.
    from analytics.sessions import packed_road
    from analytics.sessions.arrays import TooMuch

    if packed_road.is_open_to(question):
        # What is too much for memory is left to PostgreSQL, which takes time instead.
        with suppress(TooMuch):
            return packed_road.read(question, window)
    return raw_road.read(question, window)
