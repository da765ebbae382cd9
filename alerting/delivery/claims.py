"""Taking rows out of the outbox, so that each is in one deliverer's hands only.

A claim is a lease: it is committed before anything is sent and ends by itself, so that the rows of a deliverer that
died are taken up by the next. A message waits for the earlier ones about the same alert to the same place: a
resolved message never overtakes its firing one, however many deliverers there are.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from alerting.bounds import bounded_transaction
from alerting.delivery.decisions import reason_to_drop
from alerting.models import Notification, NotificationChannel, NotificationStatus, Purpose

LEASE = timedelta(seconds=60)
UNFINISHED = (NotificationStatus.PENDING, NotificationStatus.SENDING, NotificationStatus.FAILED)

Lane = int | None
"""A channel's id; None for mail to addresses that rules name themselves."""


def due(now: datetime) -> Q:
    """Waiting rows whose time has come, and those of deliverers that died, but for those of paused channels.

    A test goes through the pause: who sends it wants to know whether the channel works now.
    """
    is_free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    is_paused = Q(channel__paused_until__isnull=False, channel__paused_until__gt=now)
    return (
        Q(status__in=UNFINISHED, next_attempt_at__lte=now) & is_free & (Q(purpose=Purpose.TEST) | ~is_paused)
    )


def in_lane(lane: Lane) -> Q:
    return Q(channel__isnull=True) if lane is None else Q(channel=lane)


def due_lanes(now: datetime) -> list[Lane]:
    """Lanes with due rows, but for those that another deliverer is in: it will find these rows as well.

    So a channel that hangs holds one deliverer, not all of them.
    """
    busy = Notification.objects.filter(status=NotificationStatus.SENDING, lease_until__gt=now)
    with bounded_transaction():
        lanes = _lanes_of(Notification.objects.filter(due(now))) - _lanes_of(busy)
    return sorted(lanes, key=lambda lane: lane or 0)


def _lanes_of(rows: QuerySet[Notification]) -> set[Lane]:
    return set(rows.order_by().values_list("channel_id", flat=True).distinct())


def claim(
    lane: Lane,
    *,
    now: datetime,
    limit: int,
    only: Collection[int] | None = None,
    only_spread: bool = False,
) -> tuple[list[Notification], int]:
    """Lease up to `limit` due rows of a lane, oldest first, with what their messages need loaded.

    Rows that need not be sent any more are given up on the way and counted in the second answer. `only` restricts
    the claim to these ids, `only_spread` to rows that name their recipient: in a channel with several, a row that
    came since `spread` does not.
    """
    with bounded_transaction(durable=True):
        claimable = _claimable(lane, now)
        if only is not None:
            claimable = claimable.filter(pk__in=only)
        if only_spread:
            claimable = claimable.exclude(recipient="")
        rows = list(claimable[:limit])
        informed = _informed_places(lane, rows)
        reasons = {row.pk: reason for row in rows if (reason := _reason_to_drop(row, informed))}
        for reason in set(reasons.values()):
            ids = [pk for pk, own_reason in reasons.items() if own_reason == reason]
            _rows(ids).update(status=NotificationStatus.GAVE_UP, error=reason, lease_until=None)
        claimed = [row for row in rows if row.pk not in reasons]
        _rows([row.pk for row in claimed]).update(
            status=NotificationStatus.SENDING, lease_until=now + LEASE, attempt_count=F("attempt_count") + 1
        )
    for row in claimed:
        row.status, row.lease_until = NotificationStatus.SENDING, now + LEASE
        row.attempt_count += 1
    return claimed, len(reasons)


def spread(channel: NotificationChannel, recipients: list[str]) -> dict[int, list[int]]:
    """Turn each waiting row for the whole channel into one per recipient; the new ids by that row's id.

    A row per recipient is what makes a retry repeat nobody else's mail. The first keeps the row.
    """
    first, *others = recipients
    with bounded_transaction(durable=True):
        waiting = Notification.objects.filter(in_lane(channel.pk), status__in=UNFINISHED, recipient="")
        rows = list(waiting.select_for_update(skip_locked=True).order_by("pk"))
        _rows([row.pk for row in rows]).update(recipient=first)
        copies = [_copy(row, recipient) for row in rows for recipient in others]
        created = Notification.objects.bulk_create(copies)
    count = len(others)
    return {
        row.pk: [copy.pk for copy in created[position * count : (position + 1) * count]]
        for position, row in enumerate(rows)
    }


def release(rows: list[Notification]) -> None:
    """Give rows back that were claimed and not tried."""
    ids = [row.pk for row in rows]
    leases = {row.lease_until for row in rows}
    with bounded_transaction():
        _rows(ids).filter(status=NotificationStatus.SENDING, lease_until__in=leases).update(
            status=NotificationStatus.PENDING, lease_until=None, attempt_count=F("attempt_count") - 1
        )


def _rows(ids: Collection[int]) -> QuerySet[Notification]:
    return Notification.objects.filter(pk__in=ids)


def _claimable(lane: Lane, now: datetime) -> QuerySet[Notification]:
    same_place = Notification.objects.filter(in_lane(lane), alert=OuterRef("alert")).filter(
        Q(recipient=OuterRef("recipient")) | Q(recipient="")
    )
    unfinished_firing = same_place.filter(purpose=Purpose.FIRING, status__in=UNFINISHED)
    return (
        Notification.objects.filter(due(now), in_lane(lane))
        .exclude(Exists(unfinished_firing), purpose=Purpose.RESOLVED)
        .select_related("alert__rule", "project", "channel")
        .select_for_update(of=("self",), skip_locked=True)
        .order_by("pk")
    )


def _informed_places(lane: Lane, rows: list[Notification]) -> set[tuple[UUID | None, str]]:
    """Alert and recipient of every firing message that was sent, as far as resolved ones among `rows` ask."""
    alert_ids = {row.alert_id for row in rows if row.purpose == Purpose.RESOLVED}
    if not alert_ids:
        return set()
    sent = Notification.objects.filter(
        in_lane(lane), alert__in=alert_ids, purpose=Purpose.FIRING, status=NotificationStatus.SENT
    )
    return set(sent.values_list("alert_id", "recipient"))


def _reason_to_drop(row: Notification, informed: set[tuple[UUID | None, str]]) -> str:
    return reason_to_drop(
        purpose=row.purpose,
        recipient=row.recipient,
        attempt_count=row.attempt_count,
        channel=row.channel,
        is_firing_sent=(row.alert_id, row.recipient) in informed,
    )


def _copy(row: Notification, recipient: str) -> Notification:
    return Notification(
        project_id=row.project_id,
        alert_id=row.alert_id,
        transition_id=row.transition_id,
        channel_id=row.channel_id,
        recipient=recipient,
        purpose=row.purpose,
        next_attempt_at=row.next_attempt_at,
        dedup_key=f"{row.dedup_key}:{recipient}",
        created_at=row.created_at,
    )
