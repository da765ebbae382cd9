"""An alert's number, how it stands to its limit, and how long it lasts, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from alerting.display.conditions import condition_of
from alerting.models import Alert, Status
from alerting.state import COMPARE
from alerting.units import units_of
from alerting.values import value_text
from projects import figures


def units_of_alerts(alerts: Sequence[Alert]) -> list[str]:
    """The unit of each one's numbers, in their order; rules have to be loaded with them. One query at most.

    A condition that was edited since an alert ended says nothing about its numbers.
    """
    rules = {alert.rule_id: alert.rule for alert in alerts}
    found = units_of([(rule, condition_of(rule)) for rule in rules.values()])
    by_rule = dict(zip(rules, found, strict=True))
    return ["" if _ended_before_edit(alert) else by_rule[alert.rule_id] for alert in alerts]


def unit_of_alert(alert: Alert) -> str:
    return units_of_alerts([alert])[0]


def _ended_before_edit(alert: Alert) -> bool:
    changed_at = alert.rule.condition_changed_at
    return bool(changed_at and alert.resolved_at and alert.resolved_at < changed_at)


def number_of(alert: Alert) -> float | None:
    """The value that matters: the present one, and the worst once the alert is over."""
    return alert.peak_value if alert.status == Status.RESOLVED else alert.value


def number_text(alert: Alert, unit: str) -> str:
    return value_text(number_of(alert), unit)


def comparison(alert: Alert, unit: str) -> str:
    """How that number stands to the threshold: `> 80`, or `no longer > 5 %`; empty where nobody can say.

    A condition that was edited since says nothing about an alert that opened before.
    """
    condition, number = condition_of(alert.rule), number_of(alert)
    if condition is None or number is None or not has_first_condition(alert):
        return ""
    limit = f"{condition.operator} {value_text(alert.threshold, unit)}"
    return limit if COMPARE[condition.operator](number, alert.threshold) else f"no longer {limit}"


def has_first_condition(alert: Alert) -> bool:
    """Whether the rule's condition is still the one that the alert opened on."""
    changed_at = alert.rule.condition_changed_at
    return changed_at is None or changed_at <= (alert.triggered_at or alert.pending_since)


def lasted(alert: Alert, now: datetime) -> str:
    """How long the episode is going on, or went on: 12 min."""
    since = alert.triggered_at or alert.pending_since
    return figures.age(since, max(alert.resolved_at or now, since)).removesuffix(" ago").replace("now", "0 s")
