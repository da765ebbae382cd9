"""What the page shows, gathered from the alert and its timeline."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from alerting import links
from alerting.display.alerts import unit_of_alert
from alerting.messages import clean, duration_text, threshold_text
from alerting.models import Alert, Status
from alerting.rules import keeps_without_data
from alerting.values import value_text


@dataclass(frozen=True, slots=True)
class Ending:
    """A page without an alert: HTTP status, what happened, what to do."""

    status: int
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Handled:
    """What was done already: the word for it, by whom, when, and the reason or note if there is one."""

    word: str
    actor: str
    at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPage:
    """An alert for someone who is not logged in. `handled` is None while it can be acknowledged."""

    project: str
    rule: str
    severity: str
    severity_word: str
    labels: list[tuple[str, str]]
    value: str
    threshold: str
    since: datetime
    lasted: str
    handled: Handled | None
    keeps_without_data: bool
    alert_url: str


def alert_page(alert: Alert, *, now: datetime) -> AlertPage:
    since = alert.triggered_at or alert.pending_since
    unit = unit_of_alert(alert)
    return AlertPage(
        project=clean(alert.project.name),
        rule=clean(alert.rule_name),
        severity=alert.severity,
        severity_word=alert.get_severity_display(),
        labels=[(clean(str(name)), clean(str(value))) for name, value in sorted(alert.labels.items())],
        value=value_text(alert.value, unit),
        threshold=threshold_text(alert, unit),
        since=since,
        lasted=duration_text((alert.resolved_at or now) - since),
        handled=_handled(alert),
        keeps_without_data=keeps_without_data(alert.rule),
        alert_url=links.alert_url(alert.pk),
    )


def _handled(alert: Alert) -> Handled | None:
    """From the timeline, which knows the actor of every change."""
    if alert.status not in {Status.ACKNOWLEDGED, Status.RESOLVED}:
        return None
    word = Status(alert.status).label
    change = alert.transitions.filter(to_status=alert.status).order_by("-at", "-pk").first()
    if change is None:
        return Handled(word, alert.acknowledged_by, alert.resolved_at or alert.acknowledged_at, "")
    return Handled(word, change.actor, change.at, clean(change.reason, 500))
