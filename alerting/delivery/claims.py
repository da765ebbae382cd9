"""Taking rows out of the outbox, so that each is in one deliverer's hands only.

A claim is a lease: it is committed before anything is sent and ends by itself, so that the rows of a deliverer that
died are taken up by the next. A message waits for the earlier ones about the same alert to the same place: a
resolved message never overtakes its firing one, however many deliverers there are.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When

from alerting.bounds import bounded_transaction
from alerting.delivery.decisions import FOLLOWING
from alerting.delivery.flushes import MINUTE, Composed, Flush, Limit, ToldGroup, compose
from alerting.delivery.verdicts import AlertPlace, Places, is_late_firing, judge, settle
from alerting.models import (
    Notification,
    NotificationChannel,
    NotificationStatus,
    Purpose,
    Status,
    TransitionKind,
)
from alerting.outbox import TELLING
from alerting.policy.keys import dedup_key
from alerting.policy.muting import ActiveMutes, Inhibitions

LEASE = timedelta(seconds=60)
MOST_COMPANY = 2_000
"""Rows that join those of a batch to go out in their messages."""

UNFINISHED = (NotificationStatus.PENDING, NotificationStatus.SENDING, NotificationStatus.FAILED)

Lane = int | None
"""A channel's id; None for mail to addresses that rules name themselves."""


def due(now: datetime) -> Q:
    """Waiting and muted rows whose time has come, and those of deliverers that died, but for those of paused channels.

    A test goes through the pause: who sends it wants to know whether the channel works now.
    """
    is_free = Q(lease_until__isnull=True) | Q(lease_until__lte=now)
    is_paused = Q(channel__paused_until__isnull=False, channel__paused_until__gt=now)
    return (
        Q(status__in=(*UNFINISHED, NotificationStatus.MUTED), next_attempt_at__lte=now)
        & is_free
        & (Q(purpose=Purpose.TEST) | ~is_paused)
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


@dataclass(frozen=True, slots=True)
class Claim:
    """Messages whose rows are leased, and how many rows came to something else meanwhile."""

    flushes: list[Flush]
    settled: Counter[NotificationStatus]

    def __bool__(self) -> bool:
        return bool(self.flushes or self.settled)


def claim(
    lane: Lane,
    *,
    now: datetime,
    limit: int,
    only: Collection[int] | None = None,
    only_spread: bool = False,
    takes_groups: bool = True,
    inhibitions: Inhibitions | None = None,
) -> Claim:
    """Lease up to `limit` due rows of a lane, oldest first, with those of their groups, cut into messages.

    Muted rows that are looked at again come after all others: most of them stay muted, and nobody waits for those.

    Rows that are not to be sent, or not now, are settled on the way. `only` restricts the claim to these ids,
    `only_spread` to rows that name their recipient: in a channel with several, a row that came since `spread` does not.
    `inhibitions` are what former claims of the same lane have loaded.
    """
    with bounded_transaction(durable=True):
        claimable = _claimable(lane, now)
        if only is not None:
            claimable = claimable.filter(pk__in=only)
        if only_spread:
            claimable = claimable.exclude(recipient="")
        mutes = ActiveMutes(now, inhibitions or Inhibitions())
        composed, settled = _settled(lane, _with_company(claimable, limit), takes_groups, mutes)
        # What failed before comes last, or one message that a place never takes would keep all others from it.
        flushes = sorted(composed.flushes, key=lambda flush: min(row.attempt_count for row in flush.rows))
        claimed = [row for flush in flushes for row in flush.rows]
        _rows([row.pk for row in claimed]).update(
            status=NotificationStatus.SENDING, lease_until=now + LEASE, attempt_count=F("attempt_count") + 1
        )
    for row in claimed:
        row.status, row.lease_until = NotificationStatus.SENDING, now + LEASE
        row.attempt_count += 1
    return Claim(flushes, settled)


def _settled(
    lane: Lane, rows: list[Notification], takes_groups: bool, mutes: ActiveMutes
) -> tuple[Composed, Counter[NotificationStatus]]:
    """The messages that locked rows make, after those that are kept quiet, given up or put off were written."""
    now = mutes.now
    places = Places(informed=_informed_places(lane, rows), with_end=_places_with_end(lane, rows))
    verdicts = judge(rows, places, mutes)
    settle(verdicts)
    settled = Counter(verdict.status for verdict in verdicts.values())
    composed = compose(
        [row for row in rows if row.pk not in verdicts],
        takes_groups=takes_groups,
        told_groups=_told_groups(lane, rows),
        limit=_limit(rows, now),
        now=now,
    )
    for again_at in set(composed.put_off.values()):
        ids = [pk for pk, own in composed.put_off.items() if own == again_at]
        _rows(ids).update(status=NotificationStatus.PENDING, next_attempt_at=again_at, lease_until=None)
        settled[NotificationStatus.PENDING] += len(ids)
    return composed, settled


def _with_company(claimable: QuerySet[Notification], limit: int) -> list[Notification]:
    """The first rows, and all others that are due in their groups: a group speaks once, not once a batch.

    A channel with a limit of messages gets all that waits, so that the rest becomes one message.
    """
    rows = list(claimable[:limit])
    keys = {row.group_key for row in rows if row.group_key}
    has_limit = any(row.channel and row.channel.max_messages_per_minute for row in rows)
    if keys or (has_limit and len(rows) == limit):
        others = claimable.exclude(pk__in=[row.pk for row in rows])
        if not has_limit:
            others = others.filter(group_key__in=keys)
        rows += others[:MOST_COMPANY]
    # In the order in which they were written, so that a message's rows have the same at every attempt.
    return sorted(rows, key=lambda row: row.pk)


def _told_groups(lane: Lane, rows: list[Notification]) -> set[ToldGroup]:
    """The groups of these rows that were told of other alerts, still open, by recipient."""
    keys = {row.group_key for row in rows if row.group_key}
    if not keys:
        return set()
    told = Notification.objects.filter(
        in_lane(lane),
        group_key__in=keys,
        purpose__in=TELLING,
        status=NotificationStatus.SENT,
        alert__project__in={row.project_id for row in rows},
        alert__status__in=(Status.FIRING, Status.ACKNOWLEDGED),
    )
    return set(told.order_by().values_list("group_key", "recipient").distinct())


def _limit(rows: list[Notification], now: datetime) -> Limit | None:
    channel = rows[0].channel if rows else None
    if channel is None or not channel.max_messages_per_minute:
        return None
    sent = Notification.objects.filter(channel=channel, sent_at__gt=now - MINUTE).order_by("sent_at")
    sent_at: dict[str, dict[str, datetime]] = defaultdict(dict)
    for pk, recipient, key, at in sent.values_list("pk", "recipient", "message_key", "sent_at"):
        assert at is not None
        sent_at[recipient].setdefault(key or str(pk), at)
    return Limit(
        messages_per_minute=channel.max_messages_per_minute,
        sent_at={recipient: list(messages.values()) for recipient, messages in sent_at.items()},
    )


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


def sendable(now: datetime) -> QuerySet[Notification]:
    """Due rows that don't wait for an earlier one about the same alert to the same place."""
    is_before = Q(purpose=Purpose.FIRING) | Q(purpose=Purpose.UPDATE, pk__lt=OuterRef("pk"))
    is_same_place = Q(recipient=OuterRef("recipient")) | Q(recipient="")
    unfinished = Notification.objects.filter(
        is_before, is_same_place, alert=OuterRef("alert"), status__in=UNFINISHED
    )
    by_channel = unfinished.filter(channel=OuterRef("channel"))
    by_mail = unfinished.filter(channel__isnull=True)
    return (
        Notification.objects.filter(due(now))
        .exclude(Exists(by_channel), purpose__in=FOLLOWING)
        .exclude(Exists(by_mail), purpose__in=FOLLOWING, channel__isnull=True)
    )


def _claimable(lane: Lane, now: datetime) -> QuerySet[Notification]:
    muted_last = Case(When(status=NotificationStatus.MUTED, then=1), default=0)
    return (
        sendable(now)
        .filter(in_lane(lane))
        .select_related("alert__rule", "project", "channel", "transition", "policy")
        .select_for_update(of=("self",), skip_locked=True)
        .order_by(muted_last, "attempt_count", "pk")
    )


def _informed_places(lane: Lane, rows: list[Notification]) -> dict[AlertPlace, Literal["sent", "muted"]]:
    alert_ids = {row.alert_id for row in rows if row.purpose in FOLLOWING}
    if not alert_ids:
        return {}
    told = Notification.objects.filter(
        in_lane(lane),
        alert__in=alert_ids,
        purpose__in=TELLING,
        status__in=(NotificationStatus.SENT, NotificationStatus.MUTED),
    )
    informed: dict[AlertPlace, Literal["sent", "muted"]] = {}
    for alert_id, recipient, status in told.values_list("alert_id", "recipient", "status"):
        if status == NotificationStatus.SENT:
            informed[alert_id, recipient] = "sent"
        else:
            informed.setdefault((alert_id, recipient), "muted")
    return informed


def _places_with_end(lane: Lane, rows: list[Notification]) -> set[AlertPlace]:
    """Alerts and recipients that hear of the end, of those whose alert resolved before it was told.

    Where people resolve, only channels that follow what people do.
    """
    alert_ids = {row.alert_id for row in rows if is_late_firing(row)}
    if not alert_ids:
        return set()
    is_end = Q(purpose=Purpose.RESOLVED) | Q(
        purpose=Purpose.UPDATE, transition__kind=TransitionKind.STATUS, transition__to_status=Status.RESOLVED
    )
    ends = Notification.objects.filter(is_end, in_lane(lane), alert__in=alert_ids)
    return set(ends.values_list("alert_id", "recipient"))


def _copy(row: Notification, recipient: str) -> Notification:
    return Notification(
        project_id=row.project_id,
        alert_id=row.alert_id,
        transition_id=row.transition_id,
        channel_id=row.channel_id,
        recipient=recipient,
        purpose=row.purpose,
        next_attempt_at=row.next_attempt_at,
        dedup_key=dedup_key(row.dedup_key, recipient),
        created_at=row.created_at,
        policy_id=row.policy_id,
        group_key=row.group_key,
        text=row.text,
    )
