"""The platform's own metrics: what the roof measures goes the same road as everybody's, without the HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from metrics.records import PointRecord, prepare
from storage.records import Bounds, RecordError
from storage.writer import write_rows

ACCEPTED_AGE = timedelta(days=1)
ACCEPTED_AHEAD = timedelta(hours=1)


def record_points(project_id: int, points: Sequence[PointRecord], now: datetime) -> list[RecordError]:
    """Store points and return after the commit; errors name points by their index.

    Raises storage.writer's QueueFull and StoreUnavailable.
    """
    bounds = Bounds(project_id, now, now - ACCEPTED_AGE, now + ACCEPTED_AHEAD)
    write, errors = prepare(enumerate(points), bounds)
    return errors + write_rows(write, now)
