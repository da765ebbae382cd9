"""A message as Slack's Block Kit. Links are plain ones; buttons are for apps that pass clicks on to us."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alerting.messages import AlertPart, Message
from alerting.models import Status

SECTION_LIMIT = 2900
"""Slack refuses a text over 3,000 characters, escapes counted."""

# Slack's robots need not open links that can acknowledge.
_NO_PREVIEWS = {"unfurl_links": False, "unfurl_media": False}

_MARKS = {
    "critical": ":red_circle:",
    "error": ":large_orange_circle:",
    "warning": ":large_yellow_circle:",
    "info": ":large_blue_circle:",
}


_CONFIRM_RESOLVE = {
    "title": {"type": "plain_text", "text": "Resolve this alert?"},
    "text": {
        "type": "plain_text",
        "text": "No new one opens until the condition was false once, or for 24 hours.",
    },
    "confirm": {"type": "plain_text", "text": "Resolve"},
    "deny": {"type": "plain_text", "text": "Cancel"},
}


def payload(message: Message, *, has_buttons: bool = False) -> dict[str, Any]:
    """The body for a webhook or chat.postMessage; `text` is what notifications and old clients show."""
    sections = [
        _title(message),
        _action(message),
        _measured(message),
        _labels(message),
        _alerts(message),
    ]
    blocks = [_section(text) for text in sections if text]
    if has_buttons and (buttons := _buttons(message)):
        blocks.append({"type": "actions", "elements": buttons})
    return {"text": escape(_summary(message)), "blocks": [*blocks, _links(message)], **_NO_PREVIEWS}


def reply(message: Message) -> dict[str, Any]:
    """The body of a short answer in the thread of the first message."""
    said = _action(message) or f"*{message.state}*\n{_measured(message)}".rstrip()
    blocks = [_section(text) for text in (said, _alerts(message)) if text]
    return {"text": escape(_summary(message)), "blocks": blocks, **_NO_PREVIEWS}


def escape(text: str) -> str:
    """Slack's three: with them gone no mention, channel or link can be smuggled in."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _summary(message: Message) -> str:
    severity = f" ({message.severity})" if message.severity else ""
    measured = f": {message.value}, threshold {message.threshold}" if message.value else ""
    return f"{message.headline}{severity} in {message.project}{measured}"


def _mark(message: Message) -> str:
    if message.until:
        return ":large_green_circle:"
    if message.action:
        return ":eyes:"
    return _MARKS.get(message.severity, ":white_circle:")


def _title(message: Message) -> str:
    facts = [f"*{message.state}*", message.severity, f"project {escape(message.project)}"]
    headline = f"{_mark(message)} *<{message.alert_url}|{escape(message.rule)}>*"
    return f"{headline}\n{' · '.join(fact for fact in facts if fact)}"


def _action(message: Message) -> str:
    """Who did what; empty where nobody did anything."""
    if not message.action:
        return ""
    by = f"*{message.action.word}* by {escape(message.action.actor)}"
    note = escape(message.action.note)[: SECTION_LIMIT - len(by)]
    return f"{by}: {note}" if note else by


def _measured(message: Message) -> str:
    if not message.since:
        return ""
    lines = [f"*Since* {_time(message.since)}"]
    if message.value:
        lines.insert(0, f"*Value* {escape(message.value)} (threshold {escape(message.threshold)})")
    if message.until:
        lines.append(f"*Until* {_time(message.until)}, {message.duration}")
    if message.note:
        lines.append(escape(message.note))
    return "\n".join(lines)


def _labels(message: Message) -> str:
    """One line a label, as many as fit."""
    lines: list[str] = []
    length = 0
    for name, value in message.labels:
        line = f"{escape(name)} = {escape(value)}"
        length += len(line) + 1
        if length > SECTION_LIMIT:
            break
        lines.append(line)
    left_out = len(message.labels) - len(lines) + message.left_out_label_count
    if left_out:
        lines.append(f"+ {left_out} more labels")
    return "\n".join(lines)


def _alerts(message: Message) -> str:
    """Where there are several one line an alert, as many as fit."""
    if len(message.alerts) < 2:
        return ""
    lines: list[str] = []
    length = 0
    for part in message.alerts:
        line = _alert_line(part)
        length += len(line) + 1
        if length > SECTION_LIMIT - 100:
            break
        lines.append(line)
    left_out = len(message.alerts) - len(lines) + message.left_out_alert_count
    if left_out:
        lines.append(f"+ {left_out} more alerts")
    return "\n".join(lines)


def _alert_line(part: AlertPart) -> str:
    labels = ", ".join(f"{name}={value}" for name, value in part.labels[:5])
    mark = ":large_green_circle:" if part.until else _MARKS.get(part.severity, ":white_circle:")
    return f"{mark} *{part.state}* <{part.alert_url}|{escape(part.rule)}> {escape(labels)}: {part.value_text}"


def _section(text: str) -> dict[str, Any]:
    # Verbatim keeps Slack from turning names in telemetry into links.
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _links(message: Message) -> dict[str, Any]:
    links = [f"<{message.alert_url}|{'Open the alert' if message.acknowledge_url else 'Open alerts'}>"]
    if message.acknowledge_url:
        links.append(f"<{message.acknowledge_url}|{message.acknowledge_label}>")
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": "  ·  ".join(links)}]}


def _time(moment: datetime) -> str:
    """In the reader's own time zone, UTC where Slack can't."""
    fallback = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return f"<!date^{int(moment.timestamp())}^{{date_short_pretty}} {{time_secs}}|{fallback}>"


def _buttons(message: Message) -> list[dict[str, Any]]:
    """For one alert that is open: which of several a click would mean, nobody could say."""
    if len(message.alerts) != 1 or message.alerts[0].status == Status.RESOLVED:
        return []
    (alert,) = message.alerts
    buttons = [
        _button(alert, "resolve", "Resolve", confirm=_CONFIRM_RESOLVE),
        _button(alert, "silence", "Silence 1 h"),
    ]
    if alert.status == Status.FIRING:
        buttons.insert(0, _button(alert, "acknowledge", "Acknowledge", style="primary"))
    return buttons


def _button(alert: AlertPart, action: str, words: str, **more: Any) -> dict[str, Any]:
    text = {"type": "plain_text", "text": words}
    return {"type": "button", "action_id": action, "value": alert.alert_id, "text": text, **more}
