"""Messages to Slack: by a webhook one after the other, as a bot in one thread per alert."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from django.conf import settings

from alerting import outbound
from alerting.channels import answers
from alerting.channels.base import Config, Reference
from alerting.channels.errors import TransportError
from alerting.channels.slack.blocks import payload, reply
from alerting.channels.slack.config import has_buttons
from alerting.messages import Message, clean
from alerting.models import Purpose

# Errors of Slack's API that pass by themselves; any other needs a person.
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)
# The first message can't be changed any more, which says nothing of the channel.
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
# What must be seen in the channel itself, not only by who follows the thread.
_LOUD = frozenset({Purpose.REPEAT, Purpose.RAISED})


class ApiError(TransportError):
    """Slack's API answered `ok: false`, with this `code`."""

    def __init__(self, code: str, retry_after_seconds: float | None) -> None:
        super().__init__(
            f"Slack answered: {code}",
            permanent=code not in _PASSING,
            retry_after_seconds=retry_after_seconds,
        )
        self.code = code


def send(config: Config, message: Message, reference: Reference | None = None) -> Reference | None:
    """Deliver within 20 s a call. Raises TransportError.

    The first message about an alert is posted; what follows changes it and answers in its thread.
    """
    if "bot_token" not in config:
        _post(config["webhook_url"], payload(message), {})
        return None
    if reference is None or message.purpose == Purpose.FIRING:
        return _begin(config, message)
    try:
        _follow(config, message, reference)
    except ApiError as error:
        if error.code in _GONE:
            return _begin(config, message)
        raise
    return None


def _begin(config: Config, message: Message) -> Reference | None:
    said = _call(config, "chat.postMessage", {**_body(config, message), "channel": config["channel"]})
    if not (said.get("ts") and said.get("channel")):
        return None
    return {"channel": said["channel"], "ts": said["ts"], "alert_count": len(message.alerts)}


def _follow(config: Config, message: Message, reference: Reference) -> None:
    """Change the first message where it no longer holds, then answer in its thread.

    In this order: a repetition after half of it failed changes the message to what it is, and answers once.
    """
    channel, ts = reference["channel"], reference["ts"]
    if reference.get("alert_count") == len(message.alerts) and _changes_first(message):
        _call(config, "chat.update", {**_body(config, message), "channel": channel, "ts": ts})
    is_loud = message.purpose in _LOUD
    body = _body(config, message) if is_loud else reply(message)
    _call(
        config,
        "chat.postMessage",
        {**body, "channel": channel, "thread_ts": ts, "reply_broadcast": is_loud},
    )


def _changes_first(message: Message) -> bool:
    """A note or an assignment leaves status and value as they are."""
    if message.action:
        return message.action.changes_status
    return message.purpose in {Purpose.RESOLVED, Purpose.RAISED}


def _body(config: Config, message: Message) -> dict[str, Any]:
    return payload(message, has_buttons=has_buttons(config))


def _call(config: Config, method: str, body: dict[str, Any]) -> dict[str, Any]:
    """One call of Slack's API, which answers 200 and says in JSON whether it was `ok`."""
    answer = _post(
        f"{settings.SLACK_API_URL}/{method}", body, {"Authorization": f"Bearer {config['bot_token']}"}
    )
    try:
        said: Any = json.loads(answer.body)
    except ValueError:
        said = None
    if not isinstance(said, dict) or "ok" not in said:
        raise TransportError("Slack's answer is no JSON of its API", permanent=False)
    if not said["ok"]:
        code = clean(str(said.get("error", "no reason given")))
        raise ApiError(code, answers.retry_after_seconds(answer, datetime.now(UTC)))
    return said


def _post(url: str, body: dict[str, Any], headers: dict[str, str]) -> outbound.Response:
    content = {"Content-Type": "application/json; charset=utf-8"}
    answer = answers.post(url, json.dumps(body).encode(), content | headers)
    said = answer.body.decode(errors="replace")
    if refused := answers.refusal("Slack", answer, said=said, now=datetime.now(UTC)):
        raise refused
    return answer
