"""Rows that metric points are made of every few minutes: which are due, whose turn it is, and how it went.

A row keeps the time at which it is due next; null is at once. What takes long has more time between its points, so that
no row ever holds more than a small share of one processor; all of a kind stop after a while and go on a minute later.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from django.db import Error
from django.db.models import F, Model, Q, QuerySet

from analytics.models.experiments import Experiment
from analytics.models.funnels import SavedFunnel
from analytics.points import Point, kept, sent
from projects.time_limits import TooCostly, answered_within

logger = logging.getLogger(__name__)

EVERY = timedelta(minutes=5)
"""They look back over days, so a point a minute would say nothing more."""

PAUSES = 20
"""So many times as long as measuring took nothing is measured again."""

MOST_SECONDS = 10.0
"""For one measurement."""

FARTHEST = timedelta(hours=1)
"""No pause is longer: a row that is due later was measured by a clock that was ahead."""

NOT_STORED = "The store did not take them. The next ones come within minutes."


class CannotMeasure(Exception):
    """No points can be made of a row as it stands; the text says why, in plain words."""


Row = TypeVar("Row", bound=Model)
Told = TypeVar("Told", Experiment, SavedFunnel)
"""Rows that keep why their last points could not be made."""


@dataclass(frozen=True, slots=True)
class Due(Generic[Row]):
    """`measured(now)` are the rows that points are made of at all, `column` has the time at which each is due."""

    measured: Callable[[datetime], QuerySet[Row]]
    column: str

    def rows(self, now: datetime) -> QuerySet[Row]:
        """Those that wait, the longest waiting first."""
        waiting = (
            Q(**{self.column: None})
            | Q(**{f"{self.column}__lte": now})
            | Q(**{f"{self.column}__gt": now + FARTHEST})
        )
        return self.measured(now).filter(waiting).order_by(F(self.column).asc(nulls_first=True), "pk")

    def has_rows(self, now: datetime) -> bool:
        """Whether any of them waits."""
        return self.rows(now).exists()

    def turns(self, now: datetime, seconds: float) -> Iterator[Row]:
        """Rows taken one after the other; begins none after so many seconds."""
        ends_at = time.monotonic() + seconds
        while time.monotonic() < ends_at and (row := self.rows(now).first()):
            if self.takes(row, now):
                yield row

    def takes(self, row: Row, now: datetime) -> bool:
        """False where another process has taken it meanwhile. Whoever dies over it leaves it due again soon."""
        same = self.measured(now).filter(pk=row.pk, **{self.column: getattr(row, self.column)})
        return bool(same.update(**{self.column: now + EVERY}))

    @contextmanager
    def paced(self, rows: Sequence[Row], now: datetime) -> Iterator[None]:
        """Around measuring rows that were taken: says when they are due again, by how long it takes."""
        began = time.monotonic()
        try:
            yield
        finally:
            took = timedelta(seconds=time.monotonic() - began)
            again = self.measured(now).filter(pk__in=[row.pk for row in rows])
            again.update(**{self.column: now + max(EVERY, took * PAUSES)})


def write_each(
    due: Due[Told], points_of: Callable[[Told, datetime], Iterable[Point]], now: datetime, seconds: float
) -> None:
    """Write the points of the rows that are due, the longest waiting first; begin none after so many seconds.

    `points_of` raises CannotMeasure. Each row's `problem` says so in plain words.
    """
    for row in due.turns(now, seconds):
        with due.paced([row], now):
            problem = _problem(row, points_of, now)
        if problem != row.problem:
            due.measured(now).filter(pk=row.pk).update(problem=problem)


def _problem(row: Told, points_of: Callable[[Told, datetime], Iterable[Point]], now: datetime) -> str:
    """Why its points could not be written, in plain words; empty where they were."""
    whose = f"{row._meta.verbose_name} {row.slug} of project {row.project_id}"
    try:
        with answered_within(MOST_SECONDS):
            points = kept(points_of(row, now), now)
        if sent(row.project_id, points):
            return ""
    except (CannotMeasure, TooCostly) as error:
        logger.warning("%s: %s", whose, error)
        return str(error)
    except Error:
        # The others are measured all the same.
        logger.exception("%s failed", whose)
        return "The database could not answer it; the worker's log says why."
    logger.warning("points of %s were not stored", whose)
    return NOT_STORED
