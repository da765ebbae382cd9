"""What a notification says, before any medium: channels turn a `Message` into Slack blocks or a mail.

Every text in a `Message` is one line without control characters, 150 characters at most: labels come from
telemetry, and telemetry from anywhere. Escaping for the medium is the channel's work.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta

from alerting import links
from alerting.models import Alert, Notification, Purpose, Status
from alerting.state import format_number

TEXT_LIMIT = 150
LABEL_LIMIT = 30

_STATE_WORDS = {
    Purpose.FIRING: "Firing",
    Purpose.RESOLVED: "Resolved",
    Purpose.TEST: "Test message",
}
# Joiners shape Persian and Indic words; every other format character can hide or reorder text.
_JOINERS = "\u200c\u200d"
_SPACES = "\t\n\v\f\r\x85\u2028\u2029"


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message to one recipient. Absent parts are empty strings, `since` and `until` None.

    `recipient` is a mail address, or empty where the channel's configuration says where to. `key` is the same for
    every attempt at this notification, `thread_key` for all messages about one alert.
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

    @property
    def state(self) -> str:
        """The purpose as a reader sees it: "Firing", "Resolved", ..."""
        return _STATE_WORDS[Purpose(self.purpose)]

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


def build_message(notification: Notification, *, now: datetime) -> Message:
    """The message of a row; `alert__rule`, `project` and `channel` should be loaded with it."""
    channel = notification.channel
    key = hashlib.sha256(notification.dedup_key.encode()).hexdigest()[:32]
    if notification.alert is None:
        return Message(
            purpose=Purpose.TEST,
            project=clean(notification.project.name),
            rule=clean(f"channel {channel or notification.recipient} works"),
            alert_url=links.alert_url(None),
            recipient=notification.recipient,
            key=key,
            thread_key=key,
        )
    alert = notification.alert
    labels = [(clean(str(name)), clean(str(value))) for name, value in sorted(alert.labels.items())]
    return Message(
        purpose=notification.purpose,
        project=clean(notification.project.name),
        rule=clean(alert.rule_name),
        severity=alert.severity,
        labels=tuple(labels[:LABEL_LIMIT]),
        left_out_label_count=max(0, len(labels) - LABEL_LIMIT),
        value=number_text(_value(alert, notification.purpose)),
        threshold=threshold_text(alert),
        since=alert.triggered_at or alert.pending_since,
        until=alert.resolved_at if notification.purpose == Purpose.RESOLVED else None,
        alert_url=links.alert_url(alert.pk),
        acknowledge_url=_acknowledge_url(notification, alert, now),
        recipient=notification.recipient,
        key=key,
        thread_key=f"alert-{alert.pk}",
    )


def threshold_text(alert: Alert) -> str:
    """For example ">= 5"; "limit 5" where the rule was edited since, because its operator may be another now."""
    threshold = number_text(alert.threshold)
    changed_at = alert.rule.condition_changed_at
    if changed_at and changed_at > (alert.triggered_at or alert.pending_since):
        return f"limit {threshold}"
    return f"{alert.rule.condition_config.get('operator', '>=')} {threshold}"


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """One harmless line: no control, bidi or invisible characters, cut at `limit` with an ellipsis."""
    shown = "".join(_shown(character) for character in text[: 10 * limit])
    line = " ".join(shown.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def number_text(value: float | None) -> str:
    return "no data" if value is None else format_number(value)


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
