"""One pass over all roll-ups: what beat calls often, and what comes before a purge."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from datetime import datetime

import psycopg

from projects.models import Project
from storage.rollups import engine
from storage.rollups.registry import Rollup, rollups

logger = logging.getLogger(__name__)


def project_ids() -> list[int]:
    return list(Project.objects.values_list("pk", flat=True))


def roll_up(now: datetime, seconds: float = math.inf) -> None:
    """Move every watermark towards `now`, then recompute invalid hours, for about so many seconds in all.

    What fails for one roll-up is logged and doesn't stop the others: queries stay exact and read more raw rows.
    """
    ends_at = time.monotonic() + seconds

    def seconds_left() -> float:
        return max(ends_at - time.monotonic(), 0)

    for rollup in rollups():
        _guarded(rollup, lambda one: engine.advance(one, now, project_ids, seconds_left()))
    for rollup in rollups():
        _guarded(rollup, lambda one: engine.recompute(one, seconds_left()))


def _guarded(rollup: Rollup, work: Callable[[Rollup], object]) -> None:
    try:
        work(rollup)
    except psycopg.Error:
        logger.exception("roll-up of %s failed", rollup.name)
