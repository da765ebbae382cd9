"""Writing down what became of a message, on its row and on its channel."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db.models import Value
from django.db.models.functions import Greatest

from alerting.delivery.claims import Lane, in_lane
from alerting.delivery.decisions import Outcome, broken_reason
from alerting.models import Notification, NotificationChannel, NotificationStatus

logger = logging.getLogger(__name__)

_WAITING = (NotificationStatus.PENDING, NotificationStatus.FAILED)


def record(row: Notification, outcome: Outcome, *, at: datetime, latency_ms: float) -> None:
    """Write the outcome, unless the lease ended meanwhile and another deliverer has the row."""
    is_sent = outcome.status == NotificationStatus.SENT
    held = Notification.objects.filter(
        pk=row.pk, status=NotificationStatus.SENDING, lease_until=row.lease_until
    )
    recorded = held.update(
        status=outcome.status,
        error=outcome.error,
        sent_at=at if is_sent else None,
        latency_ms=latency_ms,
        next_attempt_at=outcome.next_attempt_at or row.next_attempt_at,
        lease_until=None,
    )
    if not recorded:
        logger.warning("notification %s: its lease ended before its result was recorded", row.pk)


def record_channel(
    channel: NotificationChannel, outcome: Outcome, *, at: datetime, latency_ms: float, ends_brokenness: bool
) -> None:
    """Keep the channel's last success or error. A success ends its pause; where people look for it, brokenness too."""
    changes: dict[str, object] = {"last_error": outcome.error, "last_error_at": at}
    if outcome.status == NotificationStatus.SENT:
        changes = {"last_sent_at": at, "last_latency_ms": latency_ms, "paused_until": None}
        if ends_brokenness:
            changes |= {"broken_at": None, "broken_reason": ""}
    NotificationChannel.objects.filter(pk=channel.pk).update(**changes)


def break_channel(channel: NotificationChannel, reason: str, *, at: datetime) -> None:
    """Send nothing more there until a person has mended it; what waits for it is given up with the reason."""
    Notification.objects.filter(channel=channel.pk, status__in=_WAITING).update(
        status=NotificationStatus.GAVE_UP, error=broken_reason(reason)
    )
    NotificationChannel.objects.filter(pk=channel.pk).update(broken_at=at, broken_reason=reason)
    logger.warning("channel %s is broken: %s", channel.pk, reason)


def pause(lane: Lane, until: datetime) -> None:
    """Let nothing in a lane be tried before: the next one would fare no better.

    A channel is paused for messages still to come as well, until one gets through. The lane of addresses that rules
    name has no row to keep this on: there it holds only for what waits now.
    """
    later = Value(until)
    if lane is not None:
        NotificationChannel.objects.filter(pk=lane).update(paused_until=Greatest("paused_until", later))
        return
    waiting = Notification.objects.filter(in_lane(lane), status__in=_WAITING)
    waiting.update(next_attempt_at=Greatest("next_attempt_at", later))
