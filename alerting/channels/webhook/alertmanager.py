"""The JSON that Alertmanager's webhook receiver posts (version "4"), so that what reads it can read us."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from alerting.channels.webhook.native import moment
from alerting.messages import AlertPart, Message
from alerting.models import Purpose, Status
from alerting.values import value_text

_NEVER = "0001-01-01T00:00:00Z"
"""How Go writes that an alert has not ended."""


def document(message: Message) -> dict[str, Any]:
    """Exactly Alertmanager's fields. A test message is an alert of its own that has just been resolved."""
    alerts = [_alert(message, part) for part in message.alerts] or [_test_alert(message)]
    labels = [alert["labels"] for alert in alerts]
    firing = any(alert["status"] == "firing" for alert in alerts)
    return {
        "version": "4",
        "groupKey": message.group_key or message.thread_key,
        "truncatedAlerts": message.left_out_alert_count,
        "status": "firing" if firing else "resolved",
        "receiver": message.channel,
        "groupLabels": dict(message.group_labels),
        "commonLabels": _common(labels),
        "commonAnnotations": _common([alert["annotations"] for alert in alerts]),
        "externalURL": settings.PUBLIC_URL,
        "alerts": alerts,
    }


def _alert(message: Message, part: AlertPart) -> dict[str, Any]:
    """Acknowledged alerts are firing: Alertmanager knows nothing else."""
    return {
        "status": "resolved" if part.status == Status.RESOLVED else "firing",
        "labels": {
            **dict(part.labels),
            "alertname": part.rule,
            "severity": part.severity,
            "project": message.project,
        },
        "annotations": {
            "summary": f"{part.rule}: {part.value_text}, threshold {part.threshold_text}",
            "value": value_text(part.value),
        },
        "startsAt": moment(part.since),
        "endsAt": moment(part.until) or _NEVER,
        "generatorURL": part.alert_url,
        "fingerprint": part.fingerprint[:16],
    }


def _test_alert(message: Message) -> dict[str, Any]:
    is_test = message.purpose == Purpose.TEST
    return {
        "status": "resolved",
        "labels": {"alertname": "Test" if is_test else message.state, "project": message.project},
        "annotations": {"summary": message.headline},
        "startsAt": _NEVER,
        "endsAt": _NEVER,
        "generatorURL": message.alert_url,
        "fingerprint": message.key[:16],
    }


def _common(dicts: list[dict[str, str]]) -> dict[str, str]:
    """What all of them agree on."""
    first, *others = dicts
    return {name: value for name, value in first.items() if all(other.get(name) == value for other in others)}
