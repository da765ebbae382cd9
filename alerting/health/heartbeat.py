"""Who watches the watcher: a URL outside that is called while alerting works, so that silence there is an alarm."""

from __future__ import annotations

import time
from datetime import datetime, timedelta
from typing import TypedDict

from django.conf import settings
from django.utils import timezone
from urllib3.util import parse_url

from alerting import outbound
from alerting.health import pulses, stalls
from alerting.models import MissedSlots

TIMEOUT_SECONDS = 10.0
MISSED_SLOTS_KEPT = timedelta(hours=25)


class Call(TypedDict):
    """What became of the last call, or why none was made. `called_at` is the last one that was answered with 2xx."""

    called_at: str
    held_back: str
    error: str


def call(now: datetime) -> Call | None:
    """Call the heartbeat, but for a stall; None where no URL is set.

    The URL is a secret: neither the row nor any message says more of it than its host.
    """
    url = settings.TELEMETRY_HEARTBEAT_URL
    if not url:
        return None
    held_back = reason_to_hold_back(stalls.facts(now), now)
    started = time.perf_counter()
    error = "" if held_back else _post(url)
    is_well = not held_back and not error
    made = Call(called_at=now.isoformat() if is_well else _last_called_at(), held_back=held_back, error=error)
    duration_ms = (time.perf_counter() - started) * 1000
    pulses.beat("heartbeat", timezone.now(), duration_ms=duration_ms, detail=made)
    return made


def reason_to_hold_back(facts: stalls.Facts, now: datetime) -> str:
    """Why the heartbeat must not be heard now; empty where all goes on."""
    if facts.tick_at is None:
        return "The rule tick has not run yet."
    found = (stalls.evaluation_stall(facts, now), stalls.delivery_stall(facts, now))
    return " ".join(filter(None, found))


def host() -> str:
    """The part of the URL that may be shown; empty where none is set."""
    url = settings.TELEMETRY_HEARTBEAT_URL
    return parse_url(url).host or "" if url else ""


def forget_missed_slots(now: datetime) -> None:
    MissedSlots.objects.filter(hour__lt=now - MISSED_SLOTS_KEPT).delete()


def _post(url: str) -> str:
    """What went wrong in one line; empty for any 2xx."""
    try:
        answer = outbound.post(url, b"", {}, TIMEOUT_SECONDS)
    except outbound.OutboundError as error:
        return str(error)
    return "" if 200 <= answer.status < 300 else f"It answered {answer.status}."


def _last_called_at() -> str:
    former = pulses.pulses().get("heartbeat")
    return str(former.detail.get("called_at", "")) if former else ""
