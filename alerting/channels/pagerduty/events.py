"""A message as PagerDuty's event."""

from __future__ import annotations

from typing import Any, Literal

from alerting.messages import AlertPart, Message
from alerting.models import Status

EventAction = Literal["trigger", "acknowledge", "resolve"]

SUMMARY_LIMIT = 1024
"""PagerDuty cuts there."""

_ACTIONS: dict[str, EventAction] = {Status.ACKNOWLEDGED: "acknowledge", Status.RESOLVED: "resolve"}
_SEVERITIES = frozenset({"info", "warning", "error", "critical"})


def event_action(message: Message) -> EventAction:
    """What a message means for the incident; a test triggers one of its own."""
    if not message.alerts or not (message.action or message.until):
        return "trigger"
    return _ACTIONS.get(message.alerts[0].status, "trigger")


def event(message: Message) -> dict[str, Any]:
    """The body without the routing key. The alert's id ties all events of an episode to one incident."""
    action = event_action(message)
    key = message.alerts[0].alert_id if message.alerts else message.key
    body: dict[str, Any] = {"event_action": action, "dedup_key": key}
    if action == "trigger":
        body |= {
            "client": "Telemetry platform",
            "client_url": message.alert_url,
            "payload": _payload(message),
            "links": _links(message),
        }
    return body


def _payload(message: Message) -> dict[str, Any]:
    first = message.alerts[0] if message.alerts else None
    severity = message.severity if message.severity in _SEVERITIES else "info"
    payload: dict[str, Any] = {
        "summary": _summary(message),
        "source": _source(message),
        "severity": severity,
        "class": message.rule,
        "group": message.project,
    }
    if message.since:
        payload["timestamp"] = message.since.isoformat()
    if first:
        payload["custom_details"] = _details(message, first)
    return payload


def _details(message: Message, part: AlertPart) -> dict[str, Any]:
    return {**dict(part.labels), "value": message.value, "threshold": message.threshold}


def _summary(message: Message) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in message.labels)
    measured = f": {message.value} (threshold {message.threshold})" if message.value else ""
    named = f" {{{labels}}}" if labels else ""
    return f"[{message.project}] {message.rule}{named}{measured}"[:SUMMARY_LIMIT]


def _source(message: Message) -> str:
    """What is affected: the host or service where the alert names one, else the project."""
    labels = dict(message.labels)
    return labels.get("host_name") or labels.get("service_name") or message.project


def _links(message: Message) -> list[dict[str, str]]:
    links = [{"href": message.alert_url, "text": "Open the alert"}]
    if message.acknowledge_url:
        links.append({"href": message.acknowledge_url, "text": message.acknowledge_label})
    return links
