"""The whole chain of one alert: the rule as it was, what led to each change, who was told, who acted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import NoReverseMatch, reverse

from alerting.evaluation.save import ACTOR
from alerting.models import Alert, Attempt, Notification, NotificationStatus, Transition
from alerting.rule_types import ConditionError, rule_types
from alerting.why import samples
from alerting.why.answers import (
    AlertAnswer,
    AttemptAnswer,
    Chain,
    MessageAnswer,
    MutedBy,
    PlaceAnswer,
    PolicyAnswer,
    RuleAnswer,
    StepAnswer,
)
from alerting.why.verdicts import Episode, place_outcome, verdict

MAX_GATHERED_NOW = 20
"""Changes whose samples a reader waits for; the rest stays for the task."""

MAX_LISTED = 500
"""Changes, and messages, that a chain shows: an alert that flaps for months has many thousands."""

_PAGES = {
    "silence": "alerting_silence",
    "maintenance": "alerting_maintenancewindow",
    "inhibition": "alerting_inhibitionrule",
    "quiet_hours": "alerting_notificationchannel",
    "rate_limit": "alerting_notificationchannel",
    "policy": "alerting_notificationpolicy",
    "channel": "alerting_notificationchannel",
    "rule": "alerting_rule",
}
"""Where the admin shows what can mute or carry a message."""

_OVER = (NotificationStatus.SENT, NotificationStatus.GAVE_UP)


def chain_of(alert: Alert, now: datetime, base_url: str = "") -> Chain:
    """The chain of an alert with its rule and project loaded; links begin with `base_url`.

    Samples that nobody has gathered yet are gathered now and kept. The number of queries doesn't depend on how many
    changes, messages and attempts there are, and of each the newest 500 are read.
    """
    transitions = list(alert.transitions.order_by("-at", "-id")[:MAX_LISTED])[::-1]
    waiting = [one for one in transitions if one.evidence is not None and "samples" not in one.evidence]
    for transition in waiting[:MAX_GATHERED_NOW]:
        transition.alert = alert
        samples.gather(transition, now)
    about = alert.notifications.select_related("channel", "policy").prefetch_related("attempts")
    notifications = list(about.order_by("-pk")[:MAX_LISTED])[::-1]
    places = _places(notifications, base_url)
    rule = alert.rule
    episode = Episode(
        status=alert.status,
        has_fired=alert.triggered_at is not None,
        has_places=bool(rule.notification_config.get("email")) or rule.channels.exists(),
        for_seconds=rule.for_seconds,
    )
    steps = [_step(one) for one in transitions]
    return Chain(
        alert=_alert(alert),
        rule=_rule(alert, transitions),
        verdict=verdict(episode, places),
        note=_note(alert, len(transitions), len(notifications)),
        steps=steps,
        places=places,
        actions=[step for step in steps if step["by_person"]],
    )


def _note(alert: Alert, transition_count: int, notification_count: int) -> str:
    """What is left out. Counted only where there is more than is shown."""
    left_out = []
    if transition_count == MAX_LISTED and (count := alert.transitions.count()) > MAX_LISTED:
        left_out.append(f"{count:,} changes")
    if notification_count == MAX_LISTED and (count := alert.notifications.count()) > MAX_LISTED:
        left_out.append(f"{count:,} messages")
    return f"Of {' and '.join(left_out)} the newest {MAX_LISTED} are shown." if left_out else ""


def page_of(kind: str, pk: object, base_url: str = "") -> str:
    """The admin page of something a message names; empty where there is none."""
    try:
        return base_url + reverse(f"admin:{_PAGES[kind]}_change", args=[pk])
    except (KeyError, NoReverseMatch):
        return ""


def _alert(alert: Alert) -> AlertAnswer:
    value = alert.value
    return AlertAnswer(
        id=str(alert.pk),
        rule_name=alert.rule_name,
        status=alert.status,
        severity=alert.severity,
        labels=alert.labels,
        value=value if value is not None and value - value == 0 else None,
        threshold=alert.threshold,
        is_flapping=alert.flapping_since is not None,
    )


def _rule(alert: Alert, transitions: Sequence[Transition]) -> RuleAnswer:
    rule = alert.rule
    opening = next((one for one in transitions if one.evidence), None)
    if len(transitions) == MAX_LISTED:
        opening = alert.transitions.filter(evidence__isnull=False).order_by("at", "id").first()
    seen: Mapping[str, Any] = (opening.evidence if opening else None) or {}
    condition = seen.get("condition", rule.condition_config)
    rule_type, source_type = (
        seen.get("rule_type", rule.rule_type),
        seen.get("source_type", rule.source_type),
    )
    return RuleAnswer(
        id=rule.pk,
        name=alert.rule_name,
        rule_type=rule_type,
        source_type=source_type,
        condition=condition,
        sentence=sentence(rule_type, source_type, condition),
        is_as_now=condition == rule.condition_config and rule_type == rule.rule_type,
    )


def sentence(rule_type: str, source_type: str, condition: Mapping[str, Any]) -> str:
    """A stored condition in plain words; says so where this version can't read it."""
    kind = rule_types().get(rule_type)
    if kind is None:
        return f"unknown rule type {rule_type}"
    try:
        return kind.describe(kind.parse(condition, source_type), source_type)
    except ConditionError as error:
        return f"can't be read any more: {error}"


def _step(transition: Transition) -> StepAnswer:
    return StepAnswer(
        at=transition.at.isoformat(),
        kind=transition.kind,
        from_status=transition.from_status,
        to_status=transition.to_status,
        actor=transition.actor,
        by_person=transition.actor != ACTOR,
        reason=transition.reason,
        evidence=transition.evidence,
    )


def _places(notifications: Sequence[Notification], base_url: str) -> list[PlaceAnswer]:
    """In the order in which they were first addressed."""
    by_place: dict[tuple[int | None, str], list[Notification]] = defaultdict(list)
    for notification in notifications:
        by_place[notification.channel_id, notification.recipient].append(notification)
    return [_place(rows, base_url) for rows in by_place.values()]


def _place(rows: Sequence[Notification], base_url: str) -> PlaceAnswer:
    first = rows[0]
    messages = [_message(row, base_url) for row in rows]
    outcome, reason = place_outcome(messages)
    names = [first.channel.name if first.channel else "", first.recipient]
    return PlaceAnswer(
        name=": ".join(filter(None, names)) or "a deleted channel",
        channel=first.channel.name if first.channel else None,
        recipient=first.recipient,
        url=page_of("channel", first.channel_id, base_url) if first.channel_id else "",
        outcome=outcome,
        reason=reason,
        messages=messages,
    )


def _message(row: Notification, base_url: str) -> MessageAnswer:
    next_attempt_at = None if row.status in _OVER else row.next_attempt_at
    policy = row.policy
    return MessageAnswer(
        id=row.pk,
        purpose=row.purpose,
        status=row.status,
        reason=row.reason,
        error=row.error,
        created_at=row.created_at.isoformat(),
        sent_at=row.sent_at.isoformat() if row.sent_at else None,
        next_attempt_at=next_attempt_at.isoformat() if next_attempt_at else None,
        latency_ms=row.latency_ms,
        policy=PolicyAnswer(name=policy.name, url=page_of("policy", policy.pk, base_url)) if policy else None,
        muted_by=muted_by(row, base_url),
        attempts=[_attempt(one) for one in row.attempts.all()],
    )


def muted_by(row: Notification, base_url: str = "") -> MutedBy | None:
    """What kept a message back, with its page."""
    if not row.muted_by:
        return None
    kind = str(row.muted_by.get("kind", ""))
    url = page_of(kind, row.muted_by.get("id"), base_url)
    return MutedBy(kind=kind, name=str(row.muted_by.get("name", "")), url=url)


def _attempt(attempt: Attempt) -> AttemptAnswer:
    return AttemptAnswer(
        at=attempt.at.isoformat(),
        status=attempt.status,
        latency_ms=attempt.latency_ms,
        error=attempt.error,
    )
