"""Messages to Slack: by a webhook one after the other, as a bot in one thread per alert."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
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
# Errors that are about this message, not about the channel.
_OF_MESSAGE = frozenset(
    {"invalid_blocks", "invalid_blocks_format", "msg_too_long", "msg_blocks_too_long", "no_text"}
)
# The first message can't be changed or followed where it stands, which says nothing of where we write now.
_GONE = frozenset(
    {
        "message_not_found",
        "cant_update_message",
        "edit_window_closed",
        "thread_not_found",
        "channel_not_found",
        "not_in_channel",
        "is_archived",
    }
)
# What must be seen in the channel itself, not only by who follows the thread.
_LOUD = frozenset({Purpose.REPEAT, Purpose.RAISED})


class ApiError(TransportError):
    """Slack's API answered `ok: false`, with this `code`."""

    def __init__(self, code: str, retry_after_seconds: float | None) -> None:
        super().__init__(
            f"Slack answered: {code}",
            permanent=code not in _PASSING,
            retry_after_seconds=retry_after_seconds,
            scope="message" if code in _OF_MESSAGE else "channel",
        )
        self.code = code


def send(config: Config, message: Message, reference: Reference | None = None) -> Reference | None:
    """Deliver within 20 s, all calls together. Raises TransportError.

    The first message about an alert is posted; what follows changes it and answers in its thread.
    """
    if "bot_token" not in config:
        _post(config["webhook_url"], payload(message), {})
        return None
    bot = _Bot(config, ends=time.monotonic() + outbound.TIMEOUT_SECONDS)
    if reference is None or message.purpose == Purpose.FIRING:
        return _begin(bot, message)
    try:
        _follow(bot, message, reference)
    except ApiError as error:
        if error.code in _GONE:
            return _begin(bot, message)
        raise
    return None


@dataclass(frozen=True, slots=True)
class _Bot:
    """Slack's API with one token. `ends`, of the monotonic clock, is the limit of all calls together."""

    config: Config
    ends: float

    def body(self, message: Message) -> dict[str, Any]:
        return payload(message, has_buttons=has_buttons(self.config))

    def call(self, method: str, body: dict[str, Any]) -> dict[str, Any]:
        """The API answers 200 and says in JSON whether it was `ok`."""
        seconds = self.ends - time.monotonic()
        if seconds <= 0:
            raise TransportError("Slack: no answer in time", permanent=False)
        headers = {"Authorization": f"Bearer {self.config['bot_token']}"}
        answer = _post(f"{settings.SLACK_API_URL}/{method}", body, headers, seconds)
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


def _begin(bot: _Bot, message: Message) -> Reference | None:
    said = bot.call("chat.postMessage", {**bot.body(message), "channel": bot.config["channel"]})
    if not (said.get("ts") and said.get("channel")):
        return None
    return {"channel": said["channel"], "ts": said["ts"], "alert_count": len(message.alerts)}


def _follow(bot: _Bot, message: Message, reference: Reference) -> None:
    """Change the first message where it no longer holds, then answer in its thread.

    In this order: a repetition after half of it failed changes the message to what it is, and answers once.
    """
    channel, ts = reference["channel"], reference["ts"]
    if reference.get("alert_count") == len(message.alerts) and _changes_first(message):
        bot.call("chat.update", {**bot.body(message), "channel": channel, "ts": ts})
    is_loud = message.purpose in _LOUD
    body = bot.body(message) if is_loud else reply(message)
    answer = {**body, "channel": channel, "thread_ts": ts, "reply_broadcast": is_loud}
    bot.call("chat.postMessage", answer)


def _changes_first(message: Message) -> bool:
    """A note or an assignment leaves status and value as they are."""
    if message.action:
        return message.action.changes_status
    return message.purpose in {Purpose.RESOLVED, Purpose.RAISED}


def _post(
    url: str, body: dict[str, Any], headers: dict[str, str], timeout_seconds: float | None = None
) -> outbound.Response:
    content = {"Content-Type": "application/json; charset=utf-8"}
    answer = answers.post(url, json.dumps(body).encode(), content | headers, timeout_seconds)
    said = answer.body.decode(errors="replace")
    if refused := answers.refusal("Slack", answer, said=said, now=datetime.now(UTC)):
        raise refused
    return answer
