"""The packed road: persons' sessions out of session pieces, and raw events for the sessions on one page alone.

Needs numpy, 20 MB that no web process should hold before somebody asks: import this module where it is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from analytics.sessions import pieces
from analytics.sessions.answers import DURATIONS_SECONDS, Sessions, buckets_of
from analytics.sessions.arrays import Seconds, places_of_each, sessions_of
from analytics.sessions.listing import page_of
from analytics.sessions.question import Question
from analytics.trails import EPOCH, MICROSECOND, Longs
from analytics.units import PERSON
from events.session_pieces import STRETCH
from projects.turns import in_turn
from storage.rollups.windows import Window


def is_open_to(question: Question) -> bool:
    """Whether pieces tell these sessions apart."""
    return question.unit == PERSON and question.gap >= STRETCH


@in_turn()
def read(question: Question, window: Window | None) -> Sessions:
    """Raises django.db.Error, TooCostly, TooMuch."""
    found = pieces.read(question)
    sessions = sessions_of(found, pieces.of_persons(question.project_id, found.who), question.gap)
    seconds = sessions.seconds
    figures = Sessions(
        session_count=len(seconds),
        unit_count=sessions.unit_count,
        median_seconds=float(np.median(seconds)) if len(seconds) else None,
        page=page_of(question, found, sessions),
    )
    if window is None:
        return figures
    return replace(
        figures,
        buckets=buckets_of(window, _buckets(window, sessions.started_us, seconds)),
        durations=_durations(seconds),
    )


def _durations(seconds: Seconds) -> list[int]:
    """How many lie in which bar."""
    bars = np.searchsorted(DURATIONS_SECONDS, seconds, side="right")
    found: list[int] = np.bincount(bars, minlength=len(DURATIONS_SECONDS) + 1)[1:].tolist()
    return found


def _buckets(window: Window, started_us: Longs, seconds: Seconds) -> Iterator[tuple[int, int, float]]:
    """`(number, sessions, median)` of each bucket in which some began."""
    number = (started_us - (window.start - EPOCH) // MICROSECOND) // (window.interval // MICROSECOND)
    # What began outside the window is before all buckets or behind them.
    edged = np.clip(number, -1, window.bucket_count) + 1
    for one, places in enumerate(places_of_each(edged, window.bucket_count + 2)[1:-1]):
        if len(places):
            yield one, len(places), float(np.median(seconds[places]))
