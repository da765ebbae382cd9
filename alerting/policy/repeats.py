"""Telling again of what still fires, until somebody acts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from alerting.bounds import bounded_transaction
from alerting.hints import hint_delivery
from alerting.models import Alert, Notification, NotificationStatus, Purpose, Status
from alerting.outbox import TELLING
from alerting.policy import groups, routing
from alerting.policy.batches import in_batches
from alerting.policy.groups import Waiting
from alerting.policy.keys import dedup_key
from alerting.policy.routing import DEFAULT_REPEAT_SECONDS, Policies, Policy

BATCH = 500

MOST = 10_000
"""Alerts that one pass looks at; the rest is for the next, seconds later."""

SECONDS = 4.0
"""Past this no further batch begins: messages wait meanwhile."""

STATEMENT_TIMEOUT_MS = 3_000

PUT_OFF = timedelta(hours=1)
"""How long an alert whose repeat can't be written is left alone."""

_WAITING = (NotificationStatus.PENDING, NotificationStatus.SENDING, NotificationStatus.FAILED)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an alert was told, or should have been; `waits` where a message to it is still to come.

    `is_usable`: nothing is written for a channel that is disabled or broken, but its pace goes on until it is mended.
    """

    channel_id: int | None
    recipient: str
    policy_id: int | None
    group_key: str
    waits: bool
    is_usable: bool


def repeat_due(now: datetime) -> int:
    """Write the repeats that are due into the outbox; returns how many rows that made.

    Places where the last message still waits or is muted get no second one. Alerts that nobody needs to be reminded
    of any more, because somebody acted or they resolved, are struck off the list here, and only those.
    """
    due = Alert.objects.filter(next_repeat_at__lte=now).order_by("next_repeat_at", "id")
    with bounded_transaction(STATEMENT_TIMEOUT_MS):
        ids = list(due.values_list("pk", flat=True)[:MOST])

    def repeat(batch: Sequence[UUID]) -> int:
        with bounded_transaction(STATEMENT_TIMEOUT_MS):
            locked = due.filter(pk__in=batch).select_related("rule")
            return _repeat(list(locked.select_for_update(of=("self",), skip_locked=True)), now)

    def put_off(alert_id: UUID) -> None:
        Alert.objects.filter(pk=alert_id).update(next_repeat_at=now + PUT_OFF)

    return in_batches(ids, repeat, put_off, size=BATCH, seconds=SECONDS)


def _repeat(alerts: Sequence[Alert], now: datetime) -> int:
    firing = [alert for alert in alerts if alert.status == Status.FIRING]
    policies = routing.load({alert.project_id for alert in firing})
    places = _places([alert.pk for alert in firing])
    rows = _rows(firing, places, policies, now)
    for alert in alerts:
        alert.next_repeat_at = _next_repeat_at(alert, places[alert.pk], policies, now)
    Alert.objects.bulk_update(alerts, ["next_repeat_at"])
    Notification.objects.bulk_create(rows, ignore_conflicts=True)
    if rows:
        transaction.on_commit(hint_delivery)
    return len(rows)


def next_repeat_at(last: datetime, interval_seconds: int, now: datetime) -> datetime | None:
    """The next slot after `now`: what was missed is not made up for. None where there are no repeats."""
    if interval_seconds <= 0:
        return None
    interval = timedelta(seconds=interval_seconds)
    missed = (now - last) // interval
    return last + interval * (missed + 1)


def _places(alert_ids: Sequence[UUID]) -> dict[UUID, list[_Place]]:
    told = Notification.objects.filter(alert__in=alert_ids, purpose__in=TELLING)
    found: dict[UUID, dict[tuple[int | None, str], _Place]] = defaultdict(dict)
    for row in told.select_related("channel").order_by("pk"):
        if row.alert_id is None or not (row.channel_id or row.recipient):
            continue
        place = row.channel_id, row.recipient
        before = found[row.alert_id].get(place)
        found[row.alert_id][place] = _Place(
            channel_id=row.channel_id,
            recipient=row.recipient,
            policy_id=row.policy_id,
            group_key=row.group_key,
            waits=_waits(row) or bool(before and before.waits),
            is_usable=row.channel is None or (row.channel.enabled and row.channel.broken_at is None),
        )
    return defaultdict(list, {alert_id: list(places.values()) for alert_id, places in found.items()})


def _waits(row: Notification) -> bool:
    is_muted = row.status == NotificationStatus.MUTED and row.next_attempt_at is not None
    return is_muted or row.status in _WAITING


def _rows(
    alerts: Sequence[Alert], places: dict[UUID, list[_Place]], policies: Policies, now: datetime
) -> list[Notification]:
    rows: list[Notification] = []
    waiting: list[Waiting] = []
    for alert in alerts:
        for place in places[alert.pk]:
            policy = _policy(alert, place, policies)
            if not _is_told_again(alert, place) or _interval_seconds(policy) == 0:
                continue
            row = _row(alert, place, now)
            rows.append(row)
            if policy:
                waiting.append(Waiting(row=row, policy=policy, since=now))
    groups.schedule(waiting, now)
    return rows


def _is_told_again(alert: Alert, place: _Place) -> bool:
    """Not an address that its rule no longer names, nor one of a channel that was deleted."""
    if place.waits or not place.is_usable:
        return False
    return bool(place.channel_id) or place.recipient in alert.rule.notification_config.get("email", ())


def _row(alert: Alert, place: _Place, now: datetime) -> Notification:
    assert alert.next_repeat_at is not None
    slot = alert.next_repeat_at.isoformat()
    return Notification(
        project_id=alert.project_id,
        alert_id=alert.pk,
        channel_id=place.channel_id,
        recipient=place.recipient,
        purpose=Purpose.REPEAT,
        policy_id=place.policy_id,
        group_key=place.group_key,
        next_attempt_at=now,
        created_at=now,
        dedup_key=dedup_key("repeat", alert.pk, slot, place.channel_id or "mail", place.recipient),
    )


def _next_repeat_at(
    alert: Alert, places: Sequence[_Place], policies: Policies, now: datetime
) -> datetime | None:
    if alert.status != Status.FIRING or alert.next_repeat_at is None:
        return None
    intervals = [_interval_seconds(_policy(alert, place, policies)) for place in places]
    # Who tells nobody now, or never again, is looked at all the same: policies and channels change while it fires.
    shortest = min((one for one in intervals if one), default=DEFAULT_REPEAT_SECONDS)
    return next_repeat_at(alert.next_repeat_at, shortest, now)


def _policy(alert: Alert, place: _Place, policies: Policies) -> Policy | None:
    """The policy by which the place was told, as it is now; None without one, or where it was taken away."""
    return next((one for one in policies.get(alert.project_id, ()) if one.id == place.policy_id), None)


def _interval_seconds(policy: Policy | None) -> int:
    return policy.repeat_interval_seconds if policy else DEFAULT_REPEAT_SECONDS
