"""What a notification says, before any medium: channels turn a `Message` into Slack blocks or a mail.

Every text in a `Message` is one line without control characters, 150 characters at most: labels come from
telemetry, and telemetry from anywhere. Escaping for the medium is the channel's work.
"""

from __future__ import annotations

import hashlib
import math
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting import links
from alerting.display.alerts import unit_of_alert, units_of_alerts
from alerting.models import Alert, Notification, Purpose, Severity, Status, Transition, TransitionKind
from alerting.rule_types import operator_of
from alerting.state import FLAP_CALM, FLAP_FIRINGS, FLAP_WINDOW
from alerting.values import value_text

TEXT_LIMIT = 150
LABEL_LIMIT = 30
ALERT_LIMIT = 20
NOTE_LIMIT = 500
FLAPPING = (
    f"Flapping: it fired {FLAP_FIRINGS} times within {FLAP_WINDOW.seconds // 60} min. It stays until it was calm for "
    f"{FLAP_CALM.seconds // 60} min; until then you hear nothing new."
)

_STATE_WORDS = {
    Purpose.FIRING: "Firing",
    Purpose.RESOLVED: "Resolved",
    Purpose.TEST: "Test message",
    Purpose.REPEAT: "Still firing",
    Purpose.RAISED: "Raised to critical",
    Purpose.UPDATE: "Update",
    Purpose.MAINTENANCE: "Maintenance",
}
# Joiners shape Persian and Indic words; every other format character can hide or reorder text.
_JOINERS = "\u200c\u200d"
_PURPOSE_ORDER = (Purpose.FIRING, Purpose.RAISED, Purpose.REPEAT, Purpose.UPDATE, Purpose.RESOLVED)
_SEVERITY_ORDER = tuple(Severity.values)
_SPACES = "\t\n\v\f\r\x85\u2028\u2029"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertPart:
    """One alert in a message, as programs read it: `value` is None where there is no number.

    `unit` is that of value and threshold, where it changes how they are written. `status` is the alert's as this
    message tells it; `until` is None while it is open.
    """

    alert_id: str
    fingerprint: str
    rule: str
    severity: str
    status: str
    labels: tuple[tuple[str, str], ...]
    value: float | None
    threshold: float
    since: datetime
    until: datetime | None
    alert_url: str
    acknowledge_url: str = ""
    unit: str = ""

    @property
    def state(self) -> str:
        """The status as a reader sees it."""
        return Status(self.status).label

    @property
    def value_text(self) -> str:
        return value_text(self.value, self.unit)

    @property
    def threshold_text(self) -> str:
        return value_text(self.threshold, self.unit)


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionTaken:
    """What a person did to an alert: "Acknowledged", "ana", and the note that came with it."""

    word: str
    actor: str
    note: str
    changes_status: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one recipient. Absent parts are empty strings, `since` and `until` None.

    `recipient` is a mail address, or empty where the channel's configuration says where to. `key` is the same for
    every attempt at this notification, `thread_key` for all messages about one alert. `alerts` has what a program
    reads of each alert, empty in a test message. `group_key` and `group_labels` say what the alerts have in common by
    policy. `action` is None but where a person did something. `note` is what a reader should know of the alert beside.
    """

    purpose: str
    project: str
    rule: str
    severity: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    left_out_label_count: int = 0
    value: str = ""
    threshold: str = ""
    since: datetime | None = None
    until: datetime | None = None
    alert_url: str
    acknowledge_url: str = ""
    recipient: str = ""
    key: str
    thread_key: str
    channel: str = ""
    alerts: tuple[AlertPart, ...] = ()
    left_out_alert_count: int = 0
    group_key: str = ""
    group_labels: tuple[tuple[str, str], ...] = ()
    action: ActionTaken | None = None
    note: str = ""

    @property
    def state(self) -> str:
        """The purpose as a reader sees it: "Firing", "Resolved", ..."""
        return self.action.word if self.action else _STATE_WORDS[Purpose(self.purpose)]

    @property
    def headline(self) -> str:
        return f"{self.state}: {self.rule}"

    @property
    def acknowledge_label(self) -> str:
        """The words of the signed link; once resolved, its page only tells who handled it and when."""
        return "See how it ended" if self.purpose == Purpose.RESOLVED else "Acknowledge"

    @property
    def duration(self) -> str:
        """How long the episode took; empty while it runs."""
        return duration_text(self.until - self.since) if self.since and self.until else ""


def build_message(rows: Sequence[Notification], *, now: datetime) -> Message:
    """The message of rows that go out together; `alert__rule`, `project` and `channel` should be loaded with them."""
    first = rows[0]
    if first.alert is None:
        return _notice(first)
    if len({row.alert_id for row in rows}) == 1:
        # Of several rows about one alert the last says how it is now.
        return _about_one(rows[-1], rows[-1].alert or first.alert, message_key(rows), now)
    return _about_many(rows, now)


def _about_one(row: Notification, alert: Alert, key: str, now: datetime) -> Message:
    labels = _clean_labels(alert.labels)
    unit = unit_of_alert(alert)
    part = alert_part(row, alert, now, unit)
    return Message(
        purpose=row.purpose,
        project=clean(row.project.name),
        rule=part.rule,
        severity=alert.severity,
        labels=labels[:LABEL_LIMIT],
        left_out_label_count=max(0, len(labels) - LABEL_LIMIT),
        value=value_text(_value(alert, row.purpose), unit),
        threshold=threshold_text(alert, unit),
        since=part.since,
        until=part.until,
        alert_url=part.alert_url,
        acknowledge_url=part.acknowledge_url,
        recipient=row.recipient,
        key=key,
        thread_key=f"alert-{alert.pk}",
        channel=clean(str(row.channel or "")),
        alerts=(part,),
        action=_action(row.transition) if row.purpose == Purpose.UPDATE else None,
        note=FLAPPING if alert.flapping_since and row.purpose == Purpose.FIRING else "",
    )


def _about_many(rows: Sequence[Notification], now: datetime) -> Message:
    """Firing ones before resolved ones, and of them the most severe first; what they share stands above."""
    first = rows[0]
    latest = {row.alert_id: (row, row.alert) for row in rows if row.alert}
    told = sorted(latest.values(), key=lambda pair: _urgency(*pair))
    units = units_of_alerts([alert for _, alert in told[:ALERT_LIMIT]])
    parts = [alert_part(*pair, now, unit) for pair, unit in zip(told, units, strict=False)]
    resolved_count = sum(row.purpose == Purpose.RESOLVED for row, _ in told)
    shared = set.intersection(*(set(alert.labels.items()) for _, alert in told))
    labels = _clean_labels(dict(shared))
    since = min(alert.triggered_at or alert.pending_since for _, alert in told)
    ends = [alert.resolved_at for _, alert in told if alert.resolved_at]
    is_over = resolved_count == len(told)
    by = first.policy.group_by if first.policy and first.group_key else []
    return Message(
        purpose=told[0][0].purpose,
        project=clean(first.project.name),
        rule=clean(_what([alert for _, alert in told], resolved_count)),
        severity=told[0][1].severity,
        labels=labels[:LABEL_LIMIT],
        left_out_label_count=max(0, len(labels) - LABEL_LIMIT),
        since=since,
        until=max(ends, default=None) if is_over else None,
        alert_url=links.alert_url(None),
        recipient=first.recipient,
        key=message_key(rows),
        thread_key=f"group-{first.group_key}" if first.group_key else message_key(rows),
        channel=clean(str(first.channel or "")),
        alerts=tuple(parts),
        left_out_alert_count=len(told) - len(parts),
        group_key=first.group_key,
        group_labels=tuple((name, value) for name, value in labels if name in by),
    )


def _what(alerts: Sequence[Alert], resolved_count: int) -> str:
    """ "3 alerts of High CPU", "2 firing and 1 resolved alerts of 2 rules"."""
    names = {alert.rule_name for alert in alerts}
    of = names.pop() if len(names) == 1 else f"{len(names)} rules"
    firing_count = len(alerts) - resolved_count
    if resolved_count and firing_count:
        return f"{firing_count} firing and {resolved_count} resolved alerts of {of}"
    return f"{len(alerts)} alerts of {of}"


def _urgency(row: Notification, alert: Alert) -> tuple[int, int, str]:
    return _PURPOSE_ORDER.index(Purpose(row.purpose)), -_SEVERITY_ORDER.index(alert.severity), alert.rule_name


def _notice(row: Notification) -> Message:
    """About no alert: a maintenance window, or whether the channel works."""
    key = message_key([row])
    is_test = row.purpose == Purpose.TEST
    return Message(
        purpose=row.purpose,
        project=clean(row.project.name),
        rule=clean(f"channel {row.channel or row.recipient} works" if is_test else row.text),
        alert_url=links.alert_url(None),
        recipient=row.recipient,
        key=key,
        thread_key=key,
        channel=clean(str(row.channel or "")),
    )


def message_key(rows: Sequence[Notification]) -> str:
    """The same for every attempt at these rows."""
    return hashlib.sha256("\n".join(row.dedup_key for row in rows).encode()).hexdigest()[:32]


def _clean_labels(labels: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    return tuple((clean(str(name)), clean(str(value))) for name, value in sorted(labels.items()))


def alert_part(notification: Notification, alert: Alert, now: datetime, unit: str) -> AlertPart:
    """The alert of a row, as this row tells it."""
    status = _status_told(notification)
    return AlertPart(
        alert_id=str(alert.pk),
        fingerprint=alert.fingerprint,
        rule=clean(alert.rule_name),
        severity=alert.severity,
        status=status,
        labels=_clean_labels(alert.labels),
        value=_finite(_value(alert, notification.purpose)),
        threshold=alert.threshold,
        since=alert.triggered_at or alert.pending_since,
        until=alert.resolved_at if status == Status.RESOLVED else None,
        alert_url=links.alert_url(alert.pk),
        acknowledge_url=_acknowledge_url(notification, alert, now),
        unit=unit,
    )


def threshold_text(alert: Alert, unit: str) -> str:
    """For example ">= 5"; "limit 5" where the rule was edited since, because its operator may be another now."""
    threshold = value_text(alert.threshold, unit)
    changed_at = alert.rule.condition_changed_at
    if changed_at and changed_at > (alert.triggered_at or alert.pending_since):
        return f"limit {threshold}"
    return f"{operator_of(alert.rule.rule_type, alert.rule.condition_config)} {threshold}"


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """One harmless line: no control, bidi or invisible characters, cut at `limit` with an ellipsis."""
    shown = "".join(_shown(character) for character in text[: 10 * limit])
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def duration_text(duration: timedelta) -> str:
    """The two largest units: "45 s", "12 min", "2 h 5 min", "3 d 4 h"."""
    seconds = max(0, int(duration.total_seconds()))
    if seconds < 60:
        return f"{seconds} s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if hours else f"{days} d"


def _shown(character: str) -> str:
    if character in _SPACES:
        return " "
    is_hidden = unicodedata.category(character) in {"Cc", "Cf", "Cs"} and character not in _JOINERS
    return "" if is_hidden else character


def _status_told(notification: Notification) -> str:
    """What the message says the alert is: what came after the row was written has a row of its own."""
    if notification.purpose == Purpose.RESOLVED:
        return Status.RESOLVED
    transition = notification.transition
    if notification.purpose == Purpose.UPDATE and transition and transition.to_status:
        return transition.to_status
    alert = notification.alert
    acknowledged = alert is not None and alert.acknowledged_at and notification.purpose != Purpose.FIRING
    return Status.ACKNOWLEDGED if acknowledged else Status.FIRING


def _finite(value: float | None) -> float | None:
    """JSON has no infinity and no NaN."""
    return value if value is not None and math.isfinite(value) else None


def _action(transition: Transition | None) -> ActionTaken | None:
    if transition is None:
        return None
    words = {TransitionKind.NOTE: "Note", TransitionKind.ASSIGN: "Assignment"}
    word = words.get(TransitionKind(transition.kind)) or Status(transition.to_status).label
    return ActionTaken(
        word=word,
        actor=clean(transition.actor),
        note=clean(transition.reason, NOTE_LIMIT),
        changes_status=bool(transition.to_status),
    )


def _value(alert: Alert, purpose: str) -> float | None:
    """A firing message that comes late must not show the value that ended the alert."""
    is_late = purpose != Purpose.RESOLVED and alert.status == Status.RESOLVED
    return alert.peak_value if is_late else alert.value


def _acknowledge_url(notification: Notification, alert: Alert, now: datetime) -> str:
    link = links.AcknowledgeLink(
        alert_id=alert.pk,
        episode=alert.triggered_at,
        channel_id=notification.channel_id,
        recipient=notification.recipient or str(notification.channel or ""),
        expires_at=now + links.LIFETIME,
    )
    return links.acknowledge_url(links.sign(link))
