"""One POST to Slack, and what its answer means."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from django.conf import settings

from alerting import outbound
from alerting.channels.base import Config
from alerting.channels.errors import TransportError
from alerting.channels.slack.blocks import payload
from alerting.messages import Message, clean

# Errors of chat.postMessage that pass by themselves; any other needs a person.
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
)


def send(config: Config, message: Message) -> None:
    """Deliver within 20 s. Raises TransportError."""
    is_bot = "bot_token" in config
    body = payload(message)
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if is_bot:
        url = f"{settings.SLACK_API_URL}/chat.postMessage"
        body["channel"] = config["channel"]
        headers["Authorization"] = f"Bearer {config['bot_token']}"
    else:
        url = config["webhook_url"]
    try:
        answer = outbound.post(url, json.dumps(body).encode(), headers)
    except outbound.Refused as error:
        raise TransportError(str(error), permanent=True) from None
    except outbound.Unreachable as error:
        raise TransportError(str(error), permanent=False) from None
    if refusal := problem(answer, is_bot=is_bot, now=datetime.now(UTC)):
        raise refusal


def problem(answer: outbound.Response, *, is_bot: bool, now: datetime) -> TransportError | None:
    """None where the message was taken.

    A webhook speaks by status alone; the bot's API answers 200 and says in JSON whether it was `ok`.
    """
    status = answer.status
    if 200 <= status < 300:
        return _api_problem(answer, now) if is_bot else None
    said = clean(answer.body.decode(errors="replace"))
    reason = f"Slack answered {status}{f': {said}' if said else ''}"
    if status in {408, 429} or status >= 500:
        return TransportError(reason, permanent=False, retry_after_seconds=_retry_after(answer, now))
    if 300 <= status < 400:
        reason = f"Slack answered {status}: redirects are not followed"
    return TransportError(reason, permanent=True)


def _api_problem(answer: outbound.Response, now: datetime) -> TransportError | None:
    try:
        said: Any = json.loads(answer.body)
    except ValueError:
        said = None
    if not isinstance(said, dict) or "ok" not in said:
        return TransportError("Slack's answer is no JSON of its API", permanent=False)
    if said["ok"]:
        return None
    error = clean(str(said.get("error", "no reason given")))
    return TransportError(
        f"Slack answered: {error}",
        permanent=error not in _PASSING,
        retry_after_seconds=_retry_after(answer, now),
    )


def _retry_after(answer: outbound.Response, now: datetime) -> float | None:
    """Seconds, from either form of the header; None where it is missing or no time."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        return None
    return max(0.0, (moment - now).total_seconds())
