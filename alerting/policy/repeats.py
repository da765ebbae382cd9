"""Telling again of what still fires, until somebody acts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from alerting.hints import hint_delivery
from alerting.models import Alert, Notification, NotificationStatus, Purpose, Status
from alerting.outbox import TELLING
from alerting.policy import groups, routing
from alerting.policy.groups import Waiting
from alerting.policy.routing import DEFAULT_REPEAT_SECONDS, Policies, Policy

BATCH = 500

_WAITING = (NotificationStatus.PENDING, NotificationStatus.SENDING, NotificationStatus.FAILED)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where an alert was told, or should have been; `waits` where a message to it is still to come."""

    channel_id: int | None
    recipient: str
    policy_id: int | None
    group_key: str
    waits: bool


def repeat_due(now: datetime) -> int:
    """Write the repeats that are due into the outbox; returns how many rows that made.

    Places where the last message still waits or is muted get no second one. Alerts that nobody needs to be reminded
    of any more, because somebody acted or they resolved, are struck off the list here.
    """
    made = 0
    while batch := _repeat_batch(now):
        made += batch.row_count
        if batch.alert_count < BATCH:
            break
    return made


@dataclass(frozen=True, slots=True)
class _Batch:
    alert_count: int
    row_count: int


def _repeat_batch(now: datetime) -> _Batch | None:
    with transaction.atomic():
        due = Alert.objects.filter(next_repeat_at__lte=now).order_by("next_repeat_at", "id")
        due = due.select_related("rule").select_for_update(of=("self",), skip_locked=True)
        alerts = list(due[:BATCH])
        if not alerts:
            return None
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
    return _Batch(len(alerts), len(rows))


def next_repeat_at(last: datetime, interval_seconds: int, now: datetime) -> datetime | None:
    """The next slot after `now`: what was missed is not made up for. None where there are no repeats."""
    if interval_seconds <= 0:
        return None
    interval = timedelta(seconds=interval_seconds)
    missed = (now - last) // interval
    return last + interval * (missed + 1)


def _places(alert_ids: Sequence[UUID]) -> dict[UUID, list[_Place]]:
    told = Notification.objects.filter(
        Q(channel__isnull=True) | Q(channel__enabled=True, channel__broken_at__isnull=True),
        alert__in=alert_ids,
        purpose__in=TELLING,
    )
    columns = told.order_by("pk").values_list(
        "alert_id", "channel_id", "recipient", "policy_id", "group_key", "status", "next_attempt_at"
    )
    found: dict[UUID, dict[tuple[int | None, str], _Place]] = defaultdict(dict)
    for alert_id, channel_id, recipient, policy_id, group_key, status, next_attempt_at in columns:
        if alert_id is None or not (channel_id or recipient):
            continue
        waits = status in _WAITING or (status == NotificationStatus.MUTED and next_attempt_at is not None)
        before = found[alert_id].get((channel_id, recipient))
        found[alert_id][channel_id, recipient] = _Place(
            channel_id, recipient, policy_id, group_key, waits or bool(before and before.waits)
        )
    return defaultdict(list, {alert_id: list(places.values()) for alert_id, places in found.items()})


def _rows(
    alerts: Sequence[Alert], places: dict[UUID, list[_Place]], policies: Policies, now: datetime
) -> list[Notification]:
    rows: list[Notification] = []
    waiting: list[Waiting] = []
    for alert in alerts:
        for place in places[alert.pk]:
            policy = _policy(alert, place, policies)
            if place.waits or _interval_seconds(policy) == 0 or not _is_still_told(alert, place):
                continue
            row = _row(alert, place, now)
            rows.append(row)
            if policy:
                waiting.append(Waiting(row=row, policy=policy, since=now))
    groups.schedule(waiting, now)
    return rows


def _is_still_told(alert: Alert, place: _Place) -> bool:
    """Not an address that its rule no longer names, nor one of a channel that was deleted."""
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
        dedup_key=f"repeat:{alert.pk}:{slot}:{place.channel_id or 'mail'}:{place.recipient}",
    )


def _next_repeat_at(
    alert: Alert, places: Sequence[_Place], policies: Policies, now: datetime
) -> datetime | None:
    if alert.status != Status.FIRING or alert.next_repeat_at is None:
        return None
    intervals = [_interval_seconds(_policy(alert, place, policies)) for place in places]
    shortest = min((one for one in intervals if one), default=0)
    return next_repeat_at(alert.next_repeat_at, shortest, now)


def _policy(alert: Alert, place: _Place, policies: Policies) -> Policy | None:
    """The policy by which the place was told, as it is now; None without one, or where it was taken away."""
    return next((one for one in policies.get(alert.project_id, ()) if one.id == place.policy_id), None)


def _interval_seconds(policy: Policy | None) -> int:
    return policy.repeat_interval_seconds if policy else DEFAULT_REPEAT_SECONDS
