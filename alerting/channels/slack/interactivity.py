"""Clicks on the buttons of a message: signed by Slack, done in the name of who clicked.

Slack waits 3 s for the answer and may send a click twice. What a click changes shows in the message by the same road as
any other change, so the answer itself is empty; only a click that changed nothing is told so, to the clicker alone.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils import timezone

from alerting import actions, outbound
from alerting.channels.slack import silencing
from alerting.messages import clean
from alerting.models import Alert, NotificationChannel

TOLERANCE = timedelta(minutes=5)
FEEDBACK_SECONDS = 1.5
"""Of the 3 s that Slack waits."""

logger = logging.getLogger(__name__)


class NotFromSlack(Exception):
    """The request is not signed with the channel's secret, or was signed too long ago."""


class Malformed(Exception):
    """Signed, but no click that we know."""


@dataclass(frozen=True, slots=True)
class Click:
    """`at` is when Slack saw it: a repeated request has the same. `feedback_url` may be empty."""

    action: str
    alert_id: UUID
    actor: str
    at: datetime
    feedback_url: str


def receive(request: HttpRequest, channel: NotificationChannel) -> HttpResponse:
    """200 for a click, also where it changed nothing; 401 without a good signature; 400 for anything else."""
    now = timezone.now()
    secret = channel.readable_config.get("signing_secret", "")
    try:
        verify(secret, request.headers, request.body, now)
        click = parse(request.body)
    except NotFromSlack:
        return HttpResponse(
            "The signature is missing, wrong or too old.\n", status=401, content_type="text/plain"
        )
    except Malformed:
        return HttpResponse("This is no click on a button of ours.\n", status=400, content_type="text/plain")
    if words := act(click, channel, now):
        _tell(click, words)
    return HttpResponse(status=200)


def verify(secret: str, headers: Any, body: bytes, now: datetime) -> None:
    """Slack's scheme v0: HMAC-SHA256 over `v0:<timestamp>:<body>`. Raises NotFromSlack."""
    sent = headers.get("X-Slack-Request-Timestamp", "")
    # Without a secret anybody could compute the signature.
    if not secret or not (sent.isascii() and sent.isdigit() and len(sent) < 12):
        raise NotFromSlack
    if abs(now.timestamp() - int(sent)) > TOLERANCE.total_seconds():
        raise NotFromSlack
    digest = hmac.new(secret.encode(), b"v0:" + sent.encode() + b":" + body, hashlib.sha256).hexdigest()
    given = headers.get("X-Slack-Signature", "")
    if not hmac.compare_digest(f"v0={digest}".encode(), given.encode(errors="replace")):
        raise NotFromSlack


def parse(body: bytes) -> Click:
    """The click in a form's field `payload`. Raises Malformed."""
    try:
        said = json.loads(QueryDict(body)["payload"])
        (clicked,) = said["actions"]
        user = said["user"]
        return Click(
            action=str(clicked["action_id"]),
            alert_id=UUID(clicked["value"]),
            actor=f"slack user {clean(str(user.get('username') or user.get('name') or user['id']))}",
            at=datetime.fromtimestamp(float(clicked["action_ts"]), tz=UTC),
            feedback_url=str(said.get("response_url") or ""),
        )
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, OSError, RecursionError):
        raise Malformed from None


def act(click: Click, channel: NotificationChannel, now: datetime) -> str:
    """Do it; words for the clicker where nothing came of it. A repeated click finds it done and changes nothing."""
    alert = Alert.objects.filter(pk=click.alert_id, project=channel.project_id).first()
    if alert is None:
        return "This alert is no longer kept."
    try:
        if click.action == "acknowledge":
            actions.acknowledge(alert.pk, actor=click.actor, now=now)
        elif click.action == "resolve":
            actions.resolve(alert.pk, actor=click.actor, now=now)
        elif click.action == "silence":
            return silencing.silence_for_an_hour(alert, actor=click.actor, clicked_at=click.at, now=now)
        else:
            return "This button is not known here."
    except actions.AlreadyHandled as handled:
        return str(handled)
    except Alert.DoesNotExist:
        return "This alert is no longer kept."
    return ""


def _tell(click: Click, words: str) -> None:
    """Say it where only the clicker sees it. That it may get lost is no reason to fail the click."""
    if not click.feedback_url:
        return
    body = json.dumps(
        {"response_type": "ephemeral", "replace_original": False, "text": clean(words)}
    ).encode()
    try:
        outbound.post(
            click.feedback_url, body, {"Content-Type": "application/json"}, timeout_seconds=FEEDBACK_SECONDS
        )
    except outbound.OutboundError as error:
        logger.info("a click's feedback did not arrive: %s", error)
