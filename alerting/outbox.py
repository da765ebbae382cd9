"""From transitions to messages: rows written in the transition's own transaction, sent by the delivery later."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from alerting import secrets
from alerting.channels import ConfigError, kind
from alerting.channels.base import Action
from alerting.hints import hint_delivery
from alerting.models import (
    Alert,
    Notification,
    NotificationChannel,
    NotificationStatus,
    Purpose,
    Rule,
    Status,
    Transition,
    TransitionKind,
)
from alerting.policy import groups, routing
from alerting.policy.groups import Waiting
from alerting.policy.keys import dedup_key
from alerting.policy.matchers import facts_of
from alerting.policy.routing import Policies, Route
from alerting.state import CRITICAL

Target = tuple[int | None, str]
"""(channel id, ""), or (None, a mail address of the rule). Delivery spreads a channel over its recipients."""

TOLD = (
    NotificationStatus.PENDING,
    NotificationStatus.SENDING,
    NotificationStatus.SENT,
    NotificationStatus.FAILED,
)
_OUT = frozenset({NotificationStatus.SENT, NotificationStatus.SENDING})

TELLING = (Purpose.FIRING, Purpose.RAISED, Purpose.REPEAT)
"""Messages that say that an alert fires."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An alert to tell of: how, and to whom."""

    alert_id: UUID
    since: datetime
    route: Route
    targets: Sequence[Target]
    is_acknowledged: bool


def enqueue_all(transitions: Sequence[Transition], now: datetime) -> None:
    """Write the messages of these transitions, and hint at them after the commit.

    Firing goes to every channel and address of the rule and to the channels of the policy that matches; resolved only
    where somebody was told or is about to be; a rise to critical where somebody was told, and to channels and addresses
    that come in with it; all else sends nothing. A handful of queries however many transitions there are.
    """
    firing = [one for one in transitions if _is_status(one, Status.FIRING)]
    raised = [one for one in transitions if one.kind == TransitionKind.SEVERITY and one.to_status == CRITICAL]
    resolved = [one for one in transitions if _is_status(one, Status.RESOLVED)]
    if not (firing or raised or resolved):
        return
    policies = routing.load({one.project_id for one in transitions})
    subjects = _subjects([one.alert_id for one in (*firing, *raised)], policies)
    rows = [
        *_firing_rows(firing, subjects, now),
        *_raised_rows(raised, subjects, now),
        *_resolved_rows(resolved, policies, now),
    ]
    if rows:
        Notification.objects.bulk_create(rows, ignore_conflicts=True)
        _plan_repeats([subjects[one.alert_id] for one in firing if one.alert_id in subjects], now)
        transaction.on_commit(hint_delivery)


def enqueue_action(transition: Transition, action: Action, now: datetime) -> None:
    """Write the messages for channels that follow what people do, as far as they were told of the alert."""
    told = Notification.objects.filter(
        alert=transition.alert_id, purpose__in=TELLING, status__in=TOLD, channel__isnull=False
    )
    channels = NotificationChannel.objects.filter(pk__in=told.values("channel"), enabled=True)
    rows = [
        _row(transition, (channel.pk, ""), Purpose.UPDATE, now)
        for channel in channels
        if _follows(channel, action)
    ]
    if rows:
        Notification.objects.bulk_create(rows, ignore_conflicts=True)
        transaction.on_commit(hint_delivery)


def _follows(channel: NotificationChannel, action: Action) -> bool:
    """A channel that can't be used follows nothing: what people do must not fail for its sake."""
    try:
        return action in kind(channel.kind).follows(channel.config)
    except (ConfigError, secrets.UnreadableConfigError):
        return False


def _is_status(transition: Transition, status: Status) -> bool:
    return transition.kind == TransitionKind.STATUS and transition.to_status == status


def _subjects(alert_ids: Collection[UUID], policies: Policies) -> dict[UUID, Subject]:
    if not alert_ids:
        return {}
    alerts = list(Alert.objects.filter(pk__in=alert_ids).select_related("rule", "project"))
    links = Rule.channels.through.objects.filter(rule__in={alert.rule_id for alert in alerts})
    channels: dict[int, list[int]] = defaultdict(list)
    for rule_id, channel_id in links.order_by("id").values_list("rule_id", "notificationchannel_id"):
        channels[rule_id].append(channel_id)
    return {alert.pk: _subject(alert, channels[alert.rule_id], policies) for alert in alerts}


def _subject(alert: Alert, channel_ids: Sequence[int], policies: Policies) -> Subject:
    facts = facts_of(alert.labels, rule=alert.rule_name, severity=alert.severity, project=alert.project.slug)
    route = routing.route(policies.get(alert.project_id, ()), facts, alert.fingerprint)
    added = route.policy.channel_ids if route.policy else ()
    addresses = alert.rule.notification_config.get("email", ())
    targets: list[Target] = [(channel_id, "") for channel_id in dict.fromkeys((*channel_ids, *added))]
    targets += [(None, address) for address in addresses]
    since = alert.triggered_at or alert.pending_since
    return Subject(alert.pk, since, route, targets, alert.status == Status.ACKNOWLEDGED)


def _firing_rows(
    transitions: Sequence[Transition], subjects: dict[UUID, Subject], now: datetime
) -> list[Notification]:
    rows: list[Notification] = []
    waiting: list[Waiting] = []
    for transition in transitions:
        subject = subjects.get(transition.alert_id)
        for target in subject.targets if subject else ():
            assert subject is not None
            row = _row(transition, target, Purpose.FIRING, now)
            _follow(row, subject.route)
            rows.append(row)
            if subject.route.policy:
                waiting.append(Waiting(row=row, policy=subject.route.policy, since=subject.since))
    groups.schedule(waiting, now)
    return rows


def _raised_rows(
    transitions: Sequence[Transition], subjects: dict[UUID, Subject], now: datetime
) -> list[Notification]:
    """Told at once, whatever the group does. Where the firing message still waits, that one will say critical.

    One that is muted is looked at again at once, because a critical alert may be muted by nothing: it must not be
    overtaken. Where somebody acknowledged meanwhile it will never go out, so that the rise is told by itself.
    """
    if not transitions:
        return []
    known = _messages_by_place(list(subjects))
    rows: list[Notification] = []
    muted: list[int] = []
    for transition in transitions:
        subject = subjects[transition.alert_id]
        found = known[transition.alert_id]
        joining = [target for target in subject.targets if _whom(target) not in map(_whom, found)]
        for target in (*found, *joining):
            if _needs_own_message(found.get(target, ()), subject):
                row = _row(transition, target, Purpose.RAISED, now)
                _follow(row, subject.route)
                rows.append(row)
            else:
                muted += [one.pk for one in found[target] if one.status == NotificationStatus.MUTED]
    if muted:
        Notification.objects.filter(pk__in=muted, status=NotificationStatus.MUTED).update(next_attempt_at=now)
        transaction.on_commit(hint_delivery)
    return rows


def _messages_by_place(alert_ids: Collection[UUID]) -> dict[UUID, dict[Target, list[Notification]]]:
    """Messages that say that these alerts fire and that are out or may still go out."""
    is_looked_at_again = Q(status=NotificationStatus.MUTED, next_attempt_at__isnull=False)
    told = Notification.objects.filter(
        Q(status__in=TOLD) | is_looked_at_again, alert__in=alert_ids, purpose__in=TELLING
    )
    found: dict[UUID, dict[Target, list[Notification]]] = defaultdict(lambda: defaultdict(list))
    for row in told.order_by("pk"):
        # A row with neither was for a channel that is deleted.
        if row.alert_id is not None and (row.channel_id or row.recipient):
            found[row.alert_id][row.channel_id, row.recipient].append(row)
    return found


def _needs_own_message(known: Sequence[Notification], subject: Subject) -> bool:
    """Whether none of what a place is still to hear will tell it of the rise."""
    if not known or any(one.status in _OUT for one in known):
        return True
    # What is muted is kept back for good when somebody acknowledged meanwhile.
    return subject.is_acknowledged and all(one.status == NotificationStatus.MUTED for one in known)


def _whom(target: Target) -> int | str:
    """A channel, however many recipients it was spread over, or an address."""
    channel_id, recipient = target
    return channel_id or recipient


def _resolved_rows(
    transitions: Sequence[Transition], policies: Policies, now: datetime
) -> list[Notification]:
    if not transitions:
        return []
    by_id = {policy.id: policy for found in policies.values() for policy in found}
    by_alert = {transition.alert_id: transition for transition in transitions}
    told = Notification.objects.filter(alert__in=list(by_alert), purpose__in=TELLING, status__in=TOLD)
    columns = told.order_by("pk").values_list("alert_id", "channel_id", "recipient", "policy_id", "group_key")
    rows: dict[tuple[UUID, Target], Notification] = {}
    waiting: list[Waiting] = []
    for alert_id, channel_id, recipient, policy_id, group_key in columns:
        target: Target = (channel_id, recipient)
        if alert_id is None or not (channel_id or recipient) or (alert_id, target) in rows:
            continue
        row = _row(by_alert[alert_id], target, Purpose.RESOLVED, now)
        row.policy_id, row.group_key = policy_id, group_key
        rows[alert_id, target] = row
        if group_key and (policy := by_id.get(policy_id or 0)):
            waiting.append(Waiting(row=row, policy=policy, since=now))
    groups.schedule(waiting, now)
    return list(rows.values())


def _plan_repeats(subjects: Sequence[Subject], now: datetime) -> None:
    """Those who are told now hear of it again after the policy's interval, until somebody acts."""
    by_interval: dict[int, list[UUID]] = defaultdict(list)
    for subject in subjects:
        if subject.targets and subject.route.repeat_seconds:
            by_interval[subject.route.repeat_seconds].append(subject.alert_id)
    for seconds, alert_ids in by_interval.items():
        Alert.objects.filter(pk__in=alert_ids).update(next_repeat_at=now + timedelta(seconds=seconds))


def _follow(row: Notification, route: Route) -> None:
    row.policy_id = route.policy.id if route.policy else None
    row.group_key = route.group_key


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
        dedup_key=dedup_key(transition.pk, channel_id or "mail", recipient),
    )
