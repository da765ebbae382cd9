"""One event to PagerDuty, and what its answer means."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any

from alerting import outbound
from alerting.channels import answers
from alerting.channels.base import Config, Reference
from alerting.channels.pagerduty.events import event
from alerting.messages import Message, clean
from alerting.models import Purpose

# A key that is none is refused with the status of a wrong event; only the words differ.
_KEY = re.compile(r"routing.?key", re.IGNORECASE)


def send(config: Config, message: Message, reference: Reference | None = None) -> None:
    """Deliver within 20 s a call. Raises TransportError.

    A test opens an incident and closes it at once: it must not keep somebody awake.
    """
    body = event(message)
    _enqueue(config, body)
    if message.purpose == Purpose.TEST:
        _enqueue(config, {"event_action": "resolve", "dedup_key": body["dedup_key"]})


def _enqueue(config: Config, body: dict[str, Any]) -> None:
    answer = answers.post(
        f"{config['url']}/v2/enqueue",
        json.dumps({"routing_key": config["routing_key"], **body}).encode(),
        {"Content-Type": "application/json"},
    )
    said = _said(answer).replace(config["routing_key"], "...")
    if refused := answers.refusal("PagerDuty", answer, said=said, now=datetime.now(UTC)):
        if _KEY.search(said):
            refused.scope = "channel"
        raise refused


def _said(answer: outbound.Response) -> str:
    """`message` and `errors` of the answer, where it is PagerDuty's JSON."""
    try:
        said = json.loads(answer.body)
        errors = said.get("errors") or []
        return clean(": ".join([str(said.get("message", "")), *map(str, errors)]))
    except (ValueError, AttributeError, TypeError):
        return ""
