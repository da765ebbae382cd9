"""From transitions to messages: rows written in the transition's own transaction, sent by the delivery later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction

from alerting.hints import hint_delivery
from alerting.models import (
    Alert,
    Notification,
    NotificationStatus,
    Purpose,
    Rule,
    Status,
    Transition,
    TransitionKind,
)

Target = tuple[int | None, str]
"""(channel id, ""), or (None, a mail address of the rule). Delivery spreads a channel over its recipients."""

TOLD = (
    NotificationStatus.PENDING,
    NotificationStatus.SENDING,
    NotificationStatus.SENT,
    NotificationStatus.FAILED,
)


def enqueue_all(transitions: Sequence[Transition], now: datetime) -> None:
    """Write the messages of these transitions, and hint at them after the commit.

    Firing goes to every channel and address of the rule; resolved only where a firing message went or is going;
    all else sends nothing. Three queries however many transitions there are.
    """
    firing = [one for one in transitions if _is_status(one, Status.FIRING)]
    resolved = [one for one in transitions if _is_status(one, Status.RESOLVED)]
    rows = [*_firing_rows(firing, now), *_resolved_rows(resolved, now)]
    if rows:
        Notification.objects.bulk_create(rows, ignore_conflicts=True)
        transaction.on_commit(hint_delivery)


def _is_status(transition: Transition, status: Status) -> bool:
    return transition.kind == TransitionKind.STATUS and transition.to_status == status


def _firing_rows(transitions: Sequence[Transition], now: datetime) -> list[Notification]:
    if not transitions:
        return []
    targets = _targets_by_alert(transition.alert_id for transition in transitions)
    return [
        _row(transition, target, Purpose.FIRING, now)
        for transition in transitions
        for target in targets.get(transition.alert_id, ())
    ]


def _targets_by_alert(alert_ids: Iterable[UUID]) -> dict[UUID, list[Target]]:
    alerts = Alert.objects.filter(pk__in=list(alert_ids))
    rules = list(alerts.values_list("id", "rule_id", "rule__notification_config"))
    links = Rule.channels.through.objects.filter(rule__in={rule_id for _, rule_id, _ in rules})
    channels: dict[int, list[Target]] = defaultdict(list)
    for rule_id, channel_id in links.order_by("id").values_list("rule_id", "notificationchannel_id"):
        channels[rule_id].append((channel_id, ""))
    return {
        alert_id: [*channels[rule_id], *((None, address) for address in config.get("email", ()))]
        for alert_id, rule_id, config in rules
    }


def _resolved_rows(transitions: Sequence[Transition], now: datetime) -> list[Notification]:
    if not transitions:
        return []
    by_alert = {transition.alert_id: transition for transition in transitions}
    told = Notification.objects.filter(
        alert__in=list(by_alert), purpose=Purpose.FIRING, status__in=TOLD
    ).values_list("alert_id", "channel_id", "recipient")
    return [
        _row(by_alert[alert_id], (channel_id, recipient), Purpose.RESOLVED, now)
        for alert_id, channel_id, recipient in told
        if alert_id and (channel_id or recipient)
    ]


def _row(transition: Transition, target: Target, purpose: Purpose, now: datetime) -> Notification:
    channel_id, recipient = target
    return Notification(
        project_id=transition.project_id,
        alert_id=transition.alert_id,
        transition=transition,
        channel_id=channel_id,
        recipient=recipient,
        purpose=purpose,
        next_attempt_at=now,
        created_at=now,
        dedup_key=f"{transition.pk}:{channel_id or 'mail'}:{recipient}",
    )
