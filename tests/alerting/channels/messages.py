"""Messages as the delivery would build them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from alerting.channels.sample import sample_message
from alerting.messages import ActionTaken, Message
from alerting.models import Purpose, Status
from tests.alerting.delivery_rows import NOW

ALERT_ID = sample_message().alerts[0].alert_id


def firing(**changes: Any) -> Message:
    return replace(sample_message(), **changes)


def resolved() -> Message:
    return _ended(sample_message(), purpose=Purpose.RESOLVED)


def acted(word: str, status: str, *, note: str = "", actor: str = "ana") -> Message:
    """What channels that follow people get: an empty status is that of a note."""
    action = ActionTaken(word=word, actor=actor, note=note, changes_status=bool(status))
    message = replace(sample_message(), purpose=Purpose.UPDATE, action=action)
    if status == Status.RESOLVED:
        return _ended(message, purpose=Purpose.UPDATE)
    parts = tuple(replace(part, status=status or part.status) for part in message.alerts)
    return replace(message, alerts=parts)


def a_test() -> Message:
    return replace(
        sample_message(),
        purpose=Purpose.TEST,
        rule="channel ops works",
        severity="",
        labels=(),
        value="",
        threshold="",
        since=None,
        acknowledge_url="",
        alerts=(),
    )


def _ended(message: Message, *, purpose: Purpose) -> Message:
    until = NOW + timedelta(days=1)
    parts = tuple(replace(part, status=Status.RESOLVED, until=until) for part in message.alerts)
    return replace(message, purpose=purpose, until=until, alerts=parts)
