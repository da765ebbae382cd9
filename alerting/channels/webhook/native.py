"""Our own JSON. Fields may be added; what is there keeps its name and meaning within a `version`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alerting.channels import plain
from alerting.messages import AlertPart, Message

VERSION = "1"

FIELDS = frozenset(
    {
        "version",
        "id",
        "purpose",
        "title",
        "text",
        "project",
        "channel",
        "rule",
        "severity",
        "status",
        "labels",
        "value",
        "threshold",
        "condition",
        "since",
        "until",
        "alert_url",
        "acknowledge_url",
        "alerts",
        "truncated_alerts",
    }
)


def document(message: Message) -> dict[str, Any]:
    """What a receiver gets. `id` is the same for every attempt; `alerts` has all of them, the rest tells the first.

    Times are RFC 3339 in UTC, absent ones null; values are numbers, null where there was no data.
    """
    first = message.alerts[0] if message.alerts else None
    return {
        "version": VERSION,
        "id": message.key,
        "purpose": str(message.purpose),
        "title": message.headline,
        "text": plain.text(message),
        "project": message.project,
        "channel": message.channel,
        "rule": message.rule,
        "severity": message.severity,
        "status": first.status if first else "",
        "labels": dict(message.labels),
        "value": first.value if first else None,
        "threshold": first.threshold if first else None,
        "condition": message.threshold,
        "since": moment(message.since),
        "until": moment(message.until),
        "alert_url": message.alert_url,
        "acknowledge_url": message.acknowledge_url,
        "alerts": [_alert(part) for part in message.alerts],
        "truncated_alerts": message.left_out_alert_count,
    }


def moment(at: datetime | None) -> str | None:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ") if at else None


def _alert(part: AlertPart) -> dict[str, Any]:
    return {
        "id": part.alert_id,
        "fingerprint": part.fingerprint,
        "rule": part.rule,
        "severity": part.severity,
        "status": part.status,
        "labels": dict(part.labels),
        "value": part.value,
        "threshold": part.threshold,
        "since": moment(part.since),
        "until": moment(part.until),
        "alert_url": part.alert_url,
        "acknowledge_url": part.acknowledge_url,
    }
