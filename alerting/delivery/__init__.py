"""From rows of the outbox to messages sent: at least once, and twice only where a deliverer died in between.

Not guaranteed: that a message which the other side took, but whose answer was lost, is not sent again.
"""

from __future__ import annotations

import uuid
from datetime import datetime

from alerting.bounds import bounded_transaction
from alerting.delivery.lanes import Clock, run_lane
from alerting.delivery.passes import deliver_due
from alerting.models import Notification, NotificationChannel, Purpose

__all__ = ["deliver_due", "send_test"]


def send_test(channel: NotificationChannel, now: datetime) -> list[Notification]:
    """Send a test message by the same road as any other; the rows say what became of it.

    It is tried once, also where the channel is broken or paused: success mends it.
    """
    with bounded_transaction():
        row = Notification.objects.create(
            project_id=channel.project_id,
            channel=channel,
            purpose=Purpose.TEST,
            next_attempt_at=now,
            created_at=now,
            dedup_key=f"test:{uuid.uuid4()}",
        )
    run_lane(channel.pk, Clock(now), only={row.pk})
    with bounded_transaction():
        return list(Notification.objects.filter(dedup_key__startswith=row.dedup_key).order_by("pk"))
