"""An event in one line: what a log record says, or what an event's properties hold."""

from __future__ import annotations

import json
from typing import Any

from events.models import Event

LOG = "log"
BODY = "body"
"""The property that a log record's text comes in."""
MAX_LENGTH = 240
MAX_VALUE_LENGTH = 60

STATES = {
    "critical": "critical",
    "fatal": "critical",
    "error": "error",
    "warning": "warning",
    "warn": "warning",
    "info": "info",
    "notice": "info",
}
ICONS = {"critical": "emergency_home", "error": "error", "warning": "warning", "info": "info"}


def state_of(severity: str | None) -> str:
    """The state whose colour a severity has; what nobody needs to look at is quiet."""
    return STATES.get((severity or "").lower(), "quiet")


def body_of(event: Event) -> str:
    """What a log record says; "" for what is none, or says something structured."""
    found = event.event_data.get(BODY) if isinstance(event.event_data, dict) else None
    return found if event.event_type == LOG and isinstance(found, str) else ""


def title_of(event: Event) -> str:
    """The name; for log records that have none of their own, what they say."""
    if event.event_name == event.event_type == LOG:
        return _cut(body_of(event)) or event.event_name
    return event.event_name


def summary_of(event: Event) -> str:
    """Beside the title: what a named log record says, else `key=value` of the properties."""
    body = body_of(event)
    if body:
        return "" if event.event_name == LOG else _cut(body)
    properties = event.event_data if isinstance(event.event_data, dict) else {}
    parts: list[str] = []
    for key, value in properties.items():
        parts.append(f"{_cut(key, MAX_VALUE_LENGTH)}={_cut(text_of(value), MAX_VALUE_LENGTH)}")
        if sum(map(len, parts)) > MAX_LENGTH:
            break
    return _cut("  ".join(parts))


def text_of(value: Any) -> str:
    """A value as text: texts as they are, everything else as JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _cut(text: str, length: int = MAX_LENGTH) -> str:
    text = text[: 2 * length]
    line = " ".join(text.split())
    return line if len(line) <= length else f"{line[: length - 1]}…"
