"""A pass over the outbox: all lanes with due messages, side by side."""

from __future__ import annotations

import logging
import uuid
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connections

from alerting.delivery import turns
from alerting.delivery.claims import Lane, due_lanes
from alerting.delivery.lanes import Clock, run_lane
from alerting.models import NotificationStatus
from alerting.policy.maintenance import announce_due
from alerting.policy.repeats import repeat_due

logger = logging.getLogger(__name__)

MAX_LANES_AT_ONCE = 8
"""So many channels may hang before others wait; each costs a thread and a database connection."""

LOOK_SECONDS = 1.0
"""How often a pass that waits for slow channels looks for what came in meanwhile."""

REST_SECONDS = 5.0

Counts = Counter[NotificationStatus]


def deliver_due(now: datetime) -> Counter[NotificationStatus]:
    """Send what is due; how many rows came to which status. Ends after 50 s at most.

    One pass at a time: does nothing while another is under way, as that finds these rows too. Channels are served
    side by side, so that a slow one holds up only itself, and new messages join the pass that is under way. What time
    alone makes due, repeats and notices of maintenance, is written first.
    """
    one = _Pass(Clock(now))
    _write_what_time_makes_due(now)
    # Once more after the turn is given back: who found it taken just before relied on us.
    while one.open_lanes() and turns.take(one.holder, one.clock.now()):
        try:
            one.serve()
        finally:
            turns.give_back(one.holder)
    return one.counts


def _write_what_time_makes_due(now: datetime) -> None:
    """Within some seconds, and without fail: what waits already is sent whatever becomes of this."""
    for write in (repeat_due, announce_due):
        try:
            write(now)
        except Exception:
            logger.exception("%s failed; the next pass tries again", write.__name__)


@dataclass
class _Pass:
    """`resting` are lanes where nothing could be sent, as when a message waits for the retry of another: they are left
    alone until so many seconds of the pass have gone by.
    """

    clock: Clock
    holder: uuid.UUID = field(default_factory=uuid.uuid4)
    counts: Counts = field(default_factory=Counter)
    running: dict[Future[Counts], Lane] = field(default_factory=dict)
    resting: dict[Lane, float] = field(default_factory=dict)

    def open_lanes(self) -> list[Lane]:
        """Lanes with due messages that this pass may still begin."""
        if not self.clock.has_time():
            return []
        elapsed_seconds = self.clock.elapsed_seconds()
        closed = {lane for lane, until in self.resting.items() if elapsed_seconds < until}
        closed.update(self.running.values())
        return [lane for lane in due_lanes(self.clock.now()) if lane not in closed]

    def serve(self) -> None:
        """Serve lanes until none is due. A thread for a single one too: a pass must see what comes in meanwhile."""
        with ThreadPoolExecutor(MAX_LANES_AT_ONCE) as threads:
            while True:
                for lane in self.open_lanes():
                    self.running[threads.submit(_run, lane, self.clock)] = lane
                if not self.running:
                    return
                done, _ = wait(self.running, LOOK_SECONDS, FIRST_COMPLETED)
                for finished in done:
                    self._add(self.running.pop(finished), finished.result())
                turns.take(self.holder, self.clock.now())

    def _add(self, lane: Lane, counts: Counts) -> None:
        self.counts += counts
        if not counts:
            self.resting[lane] = self.clock.elapsed_seconds() + REST_SECONDS


def _run(lane: Lane, clock: Clock) -> Counts:
    try:
        return run_lane(lane, clock)
    finally:
        connections.close_all()
