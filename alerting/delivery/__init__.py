"""From rows of the outbox to messages sent: at least once, and twice only where a deliverer died in between.

Not guaranteed: that a message which the other side took, but whose answer was lost, is not sent again.
"""

from __future__ import annotations

import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

from django.db import connections

from alerting.delivery.claims import Lane, due_lanes
from alerting.delivery.lanes import Clock, run_lane
from alerting.models import Notification, NotificationChannel, NotificationStatus, Purpose

__all__ = ["deliver_due", "deliver_one", "send_test"]

MAX_LANES_AT_ONCE = 8
"""So many channels may hang before others wait; each costs a thread and a database connection."""


def deliver_due(now: datetime, limit: int = 1000) -> Counter[NotificationStatus]:
    """Send what is due, up to `limit` messages per channel; how many rows came to which status.

    Channels are served side by side, so that a slow one holds up only itself. Ends after 50 s at most.
    """
    lanes = due_lanes(now)
    clock = Clock(now)
    if len(lanes) <= 1:
        return sum((run_lane(lane, clock, limit=limit) for lane in lanes), Counter())

    def run(lane: Lane) -> Counter[NotificationStatus]:
        try:
            return run_lane(lane, clock, limit=limit)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(max_workers=min(len(lanes), MAX_LANES_AT_ONCE)) as threads:
        return sum(threads.map(run, lanes), Counter())


def deliver_one(notification_id: int, now: datetime) -> Counter[NotificationStatus]:
    """Send this row (each recipient of it) now, if it is due and nobody else has it."""
    row = Notification.objects.filter(pk=notification_id).only("channel_id").first()
    if row is None:
        return Counter()
    return run_lane(row.channel_id, Clock(now), limit=1000, only={notification_id})


def send_test(channel: NotificationChannel, now: datetime) -> list[Notification]:
    """Send a test message by the same road as any other; the rows say what became of it.

    It is tried once, also where the channel is broken: success mends it.
    """
    row = Notification.objects.create(
        project_id=channel.project_id,
        channel=channel,
        purpose=Purpose.TEST,
        next_attempt_at=now,
        created_at=now,
        dedup_key=f"test:{uuid.uuid4()}",
    )
    deliver_one(row.pk, now)
    return list(Notification.objects.filter(dedup_key__startswith=row.dedup_key).order_by("pk"))
