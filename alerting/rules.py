"""The life of a rule: checked, saved, disabled, deleted, each with what it means for its open alerts."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet

from alerting import outbox
from alerting.models import (
    OPEN_STATUSES,
    Alert,
    Health,
    KnownLabels,
    NoData,
    NotificationChannel,
    Rule,
    Severity,
    Status,
    Transition,
)
from alerting.rule_types import ConditionError, rule_types
from alerting.rule_types.conditions import Condition, Sibling, recovery_error

EDITABLE = (
    "name",
    "description",
    "runbook_url",
    "rule_type",
    "source_type",
    "condition_config",
    "severity",
    "notification_config",
    "evaluation_interval_seconds",
    "for_seconds",
    "keep_firing_for_seconds",
    "recovery_threshold",
    "no_data",
    "on_error",
    "evaluation_delay_seconds",
    "flap_detection",
    "enabled",
)
_CONDITION = ("rule_type", "source_type", "condition_config")
_SLACK_CHANNEL = re.compile(r"#?[\w.-]{1,80}")
MAX_EMAILS = 50

RuleErrors = dict[str, Any]
"""Messages by field; `condition_config` maps each wrong key to its message."""


class RuleError(ValueError):
    """A rule that can't be saved: `errors` by field."""

    def __init__(self, errors: RuleErrors) -> None:
        super().__init__(str(errors))
        self.errors = errors


class RuleGone(RuleError):
    """The rule was deleted while it was edited."""

    def __init__(self) -> None:
        super().__init__({"name": "This rule was deleted meanwhile."})


def keeps_without_data(rule: Rule) -> bool:
    """Whether a time without data leaves the rule's alerts as they are. What counts rows has a 0 then."""
    kind = rule_types().get(rule.rule_type)
    if kind is None or rule.no_data != NoData.KEEP:
        return False
    try:
        condition = kind.parse(rule.condition_config, rule.source_type)
    except ConditionError:
        return False
    return not kind.is_zero_without_rows(condition, rule.source_type)


def check_rule(
    rule: Rule,
    channels: Collection[NotificationChannel],
    siblings: Callable[[], Sequence[Sibling]] | None = None,
) -> Condition:
    """The typed condition of a rule that may be saved with these channels. Raises RuleError.

    `siblings` gives the rules of its project; None: as they are stored.
    """
    errors: RuleErrors = {}
    condition: Condition | None = None
    kind = rule_types().get(rule.rule_type)
    if kind is None:
        errors["rule_type"] = f"Must be one of {', '.join(rule_types())}."
    elif rule.source_type not in kind.sources:
        errors["source_type"] = f"A {kind.name} rule watches one of {', '.join(kind.sources)}."
    else:
        try:
            condition = kind.parse(rule.condition_config, rule.source_type)
        except ConditionError as error:
            errors["condition_config"] = error.errors
    # A disabled rule may name what is no longer there: else it could not be disabled for that.
    if kind and condition and rule.enabled:
        problems = kind.check_in_project(condition, rule.pk, siblings or _siblings_of(rule))
        errors |= {"condition_config": problems} if problems else {}
    if condition and (problem := recovery_error(condition, rule.recovery_threshold)):
        errors["recovery_threshold"] = problem
    if condition and condition.critical_threshold is not None and rule.severity == Severity.CRITICAL:
        errors["severity"] = "Must be below critical where there is a critical threshold."
    if problem := notification_error(rule.notification_config, channels):
        errors["notification_config"] = problem
    if errors or condition is None:
        raise RuleError(errors)
    return condition


def _siblings_of(rule: Rule) -> Callable[[], list[Sibling]]:
    def load() -> list[Sibling]:
        rules = Rule.objects.filter(project_id=rule.project_id, deleted_at=None)
        return [Sibling(*row) for row in rules.values_list("id", "name", "rule_type", "condition_config")]

    return load


def notification_error(config: object, channels: Collection[NotificationChannel]) -> str:
    """What is wrong with `{"email": [address], "slack": {"channel"}}`; empty when nothing is."""
    if not isinstance(config, Mapping):
        return "Must be an object."
    for name in config:
        if name not in {"email", "slack"}:
            return f"Unknown key {name!r}."
    if problem := _email_error(config.get("email", [])):
        return problem
    return _slack_error(config["slack"], channels) if "slack" in config else ""


def _email_error(addresses: object) -> str:
    if not isinstance(addresses, list) or len(addresses) > MAX_EMAILS:
        return f"email: must be a list of at most {MAX_EMAILS} addresses."
    for address in addresses:
        if not isinstance(address, str):
            return f"email: {address!r} is not an address."
        try:
            validate_email(address)
        except ValidationError:
            return f"email: {address!r} is not an address."
    return ""


def _slack_error(options: object, channels: Collection[NotificationChannel]) -> str:
    if not isinstance(options, Mapping) or set(options) != {"channel"}:
        return 'slack: must be {"channel": "#name"}.'
    if not isinstance(options["channel"], str) or not _SLACK_CHANNEL.fullmatch(options["channel"]):
        return "slack: channel must be a channel's name or id, like #alerts or C0123456789."
    if not any(one.kind == "slack" and "bot_token" in one.readable_config for one in channels):
        return "slack: another channel can be named only with a channel that has a bot token."
    return ""


def save_rule(
    rule: Rule,
    channels: Collection[NotificationChannel] | None,
    *,
    actor: str,
    now: datetime,
    edited: Collection[str] = EDITABLE,
) -> Rule:
    """Save a new or edited rule; it is due at once where that may change something. The answer is the rule as stored.

    Of a rule that exists only the fields in `edited` are taken, and put on the row as it is under its lock: who
    edits other fields at the same time loses nothing. `channels` None keeps those it has.
    Editing the condition voids evaluations under way; where the edit changes which label sets it has, the next one
    resolves the alerts of those that are gone. Disabling resolves all. Only what people edit is written: the tick
    owns the other columns. Raises RuleError.
    """
    with transaction.atomic():
        if rule.pk is None:
            check_rule(rule, channels or ())
            rule.next_evaluation_at = now
            rule.save()
        else:
            before = Rule.objects.select_for_update().filter(pk=rule.pk, deleted_at=None).first()
            if before is None:
                raise RuleGone
            rule = _with_edits(before, rule, edited)
            condition = check_rule(rule, list(rule.channels.all()) if channels is None else channels)
            _save_edit(rule, before, condition, edited, now)
            if before.enabled and not rule.enabled:
                resolve_alerts_of([rule], actor=actor, reason="the rule was disabled", now=now)
        if channels is not None:
            rule.channels.set(channels)
    return rule


def _with_edits(stored: Rule, source: Rule, edited: Collection[str]) -> Rule:
    rule = copy(stored)
    for name in edited:
        setattr(rule, name, getattr(source, name))
    return rule


def _save_edit(
    rule: Rule, before: Rule, condition: Condition, edited: Collection[str], now: datetime
) -> None:
    written = [*edited, "updated_at"]
    if any(getattr(rule, name) != getattr(before, name) for name in _CONDITION):
        rule.condition_changed_at = now
        rule.health, rule.last_error = Health.UNKNOWN, ""
        written += ["condition_changed_at", "health", "last_error"]
        if _is_other_coverage(before, rule, condition):
            rule.coverage_changed_at = now
            written.append("coverage_changed_at")
            KnownLabels.objects.filter(rule=rule).delete()
    is_back = rule.enabled and not before.enabled
    is_other_pace = rule.evaluation_interval_seconds != before.evaluation_interval_seconds
    if is_back or is_other_pace or "condition_changed_at" in written:
        rule.next_evaluation_at = now
        written.append("next_evaluation_at")
    rule.save(update_fields=written)
    _open_alerts([rule]).update(rule_name=rule.name)
    # Those past the critical threshold get theirs at the next evaluation.
    _open_alerts([rule]).filter(is_critical=False).update(
        severity=rule.severity, threshold=condition.threshold
    )


def _is_other_coverage(before: Rule, rule: Rule, condition: Condition) -> bool:
    """Whether the edit may change which label sets the rule has; a former condition that can't be read may."""
    if (before.rule_type, before.source_type) != (rule.rule_type, rule.source_type):
        return True
    try:
        former = rule_types()[before.rule_type].parse(before.condition_config, before.source_type)
    except ConditionError:
        return True
    return bool(former.coverage != condition.coverage)


def delete_rules(rules: Collection[Rule], *, actor: str, now: datetime) -> None:
    """Delete softly: history stays, open alerts are resolved."""
    with transaction.atomic():
        Rule.objects.filter(pk__in=[rule.pk for rule in rules], deleted_at=None).update(deleted_at=now)
        resolve_alerts_of(rules, actor=actor, reason="the rule was deleted", now=now)


def resolve_alerts_of(rules: Collection[Rule], *, actor: str, reason: str, now: datetime) -> None:
    """End every open alert of these rules and tell whom was told; pending ones vanish. Call inside a transaction."""
    alerts = list(_open_alerts(rules).order_by("pk").select_for_update())
    ended = [alert for alert in alerts if alert.status != Status.PENDING]
    transitions = [
        Transition(
            project_id=alert.project_id,
            alert=alert,
            at=now,
            from_status=alert.status,
            to_status=Status.RESOLVED,
            actor=actor,
            reason=reason,
        )
        for alert in ended
    ]
    Alert.objects.filter(pk__in=[alert.pk for alert in alerts if alert.status == Status.PENDING]).delete()
    Alert.objects.filter(pk__in=[alert.pk for alert in ended]).update(status=Status.RESOLVED, resolved_at=now)
    outbox.enqueue_all(Transition.objects.bulk_create(transitions), now)


def _open_alerts(rules: Collection[Rule]) -> QuerySet[Alert]:
    return Alert.objects.filter(rule__in=[rule.pk for rule in rules], status__in=OPEN_STATUSES)
