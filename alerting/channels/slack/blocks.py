"""A message as Slack's Block Kit. Links are plain ones: buttons need an app that answers clicks."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from alerting.messages import Message

SECTION_LIMIT = 2900
"""Slack refuses a text over 3,000 characters, escapes counted."""

_MARKS = {
    "critical": ":red_circle:",
    "error": ":large_orange_circle:",
    "warning": ":large_yellow_circle:",
    "info": ":large_blue_circle:",
}


def payload(message: Message) -> dict[str, Any]:
    """The body for a webhook or chat.postMessage; `text` is what notifications and old clients show."""
    sections = [_title(message), _measured(message), _labels(message)]
    return {
        "text": escape(_summary(message)),
        "blocks": [*(_section(text) for text in sections if text), _links(message)],
        # Slack's robots need not open links that can acknowledge.
        "unfurl_links": False,
        "unfurl_media": False,
    }


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
    return _MARKS.get(message.severity, ":white_circle:")


def _title(message: Message) -> str:
    facts = [f"*{message.state}*", message.severity, f"project {escape(message.project)}"]
    headline = f"{_mark(message)} *<{message.alert_url}|{escape(message.rule)}>*"
    return f"{headline}\n{' · '.join(fact for fact in facts if fact)}"


def _measured(message: Message) -> str:
    if not message.since:
        return ""
    lines = [
        f"*Value* {escape(message.value)} (threshold {escape(message.threshold)})",
        f"*Since* {_time(message.since)}",
    ]
    if message.until:
        lines.append(f"*Until* {_time(message.until)}, {message.duration}")
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
