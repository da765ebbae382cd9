"""Writing down what became of a message, on its row and on its channel."""

from __future__ import annotations

import logging
from datetime import datetime

from django.db.models import Q, Value
from django.db.models.functions import Coalesce, Greatest

from alerting.delivery.claims import Lane, in_lane
from alerting.delivery.decisions import Outcome, broken_reason
from alerting.delivery.flushes import Flush
from alerting.models import Attempt, Notification, NotificationChannel, NotificationStatus
from alerting.policy.groups import mark_told

logger = logging.getLogger(__name__)

_WAITING = (NotificationStatus.PENDING, NotificationStatus.FAILED)


def record(flush: Flush, outcome: Outcome, *, at: datetime, latency_ms: float) -> None:
    """Write the outcome on every row of a message, unless the lease ended meanwhile and another deliverer has them.

    Each row keeps the attempt too, whoever holds it now.
    """
    is_sent = outcome.status == NotificationStatus.SENT
    ids = [row.pk for row in flush.rows]
    held = Notification.objects.filter(
        pk__in=ids, status=NotificationStatus.SENDING, lease_until=flush.first.lease_until
    )
    recorded = held.update(
        status=outcome.status,
        error=outcome.error,
        reason=flush.reason,
        muted_by=None,
        message_key=flush.key,
        sent_at=at if is_sent else None,
        latency_ms=latency_ms,
        lease_until=None,
        **({"next_attempt_at": outcome.next_attempt_at} if outcome.next_attempt_at else {}),
    )
    if recorded < len(ids):
        logger.warning("notifications %s: their lease ended before the result was recorded", ids)
    Attempt.objects.bulk_create(
        Attempt(notification_id=pk, at=at, status=outcome.status, latency_ms=latency_ms, error=outcome.error)
        for pk in ids
    )
    if is_sent:
        mark_told(flush.rows, at)


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
    """Send nothing more there until a person has mended it; what waits for it is given up with the reason.

    What is muted for longer keeps its chance that the channel is mended until then.
    """
    is_waiting = Q(status__in=_WAITING)
    is_muted = Q(status=NotificationStatus.MUTED, next_attempt_at__lte=at)
    is_left = Q(status=NotificationStatus.SENDING, lease_until__lte=at)
    Notification.objects.filter(is_waiting | is_muted | is_left, channel=channel.pk).update(
        status=NotificationStatus.GAVE_UP, error=broken_reason(reason), lease_until=None
    )
    NotificationChannel.objects.filter(pk=channel.pk).update(
        broken_at=Coalesce("broken_at", Value(at)), broken_reason=reason
    )
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
