"""What follows from an answer, or from none: pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from alerting.channels import TransportError
from alerting.channels.base import Reference
from alerting.models import NotificationChannel, NotificationStatus, Purpose

MAX_ATTEMPTS = 12
"""With the delays below about 50 minutes from the first attempt to the last."""

FOLLOWING = frozenset({Purpose.RESOLVED, Purpose.UPDATE})
"""Messages that say nothing to who has not got the firing one."""

FIRST_DELAY_SECONDS = 5.0
LONGEST_DELAY_SECONDS = 600.0
LONGEST_RETRY_AFTER_SECONDS = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one attempt comes to.

    `ends_lane`: the next message to this channel would meet the same fate now, so none is tried. `breaks_channel`:
    nothing more is sent to it until a person has looked. `pauses_until`: nothing is before then. `reference` is what
    the channel calls the message it took, where it says so.
    """

    status: NotificationStatus
    error: str = ""
    next_attempt_at: datetime | None = None
    ends_lane: bool = False
    breaks_channel: bool = False
    pauses_until: datetime | None = None
    reference: Reference | None = None


SENT = Outcome(status=NotificationStatus.SENT)


def retry_delay_seconds(attempt_count: int, retry_after_seconds: float | None) -> float:
    """How long to wait after that many attempts: 5 s doubling to 10 min, or what the other side asks for."""
    backoff = min(FIRST_DELAY_SECONDS * 2.0 ** (attempt_count - 1), LONGEST_DELAY_SECONDS)
    if retry_after_seconds is None:
        return backoff
    return min(max(retry_after_seconds, 1.0), LONGEST_RETRY_AFTER_SECONDS)


def outcome_of(
    error: TransportError,
    *,
    purpose: str,
    attempt_count: int,
    is_only_recipient: bool,
    is_redirected: bool,
    now: datetime,
) -> Outcome:
    """What an error comes to. A test is tried once: who asked for it waits for the answer.

    `is_redirected`: its rule sent the message to another place than the channel's own. That this place refuses it
    says nothing of the channel.
    """
    if error.permanent:
        is_about_channel = error.scope == "channel" or (error.scope == "recipient" and is_only_recipient)
        breaks = is_about_channel and not is_redirected
        return Outcome(
            status=NotificationStatus.GAVE_UP, error=error.reason, ends_lane=breaks, breaks_channel=breaks
        )
    again_at = now + timedelta(seconds=retry_delay_seconds(attempt_count, error.retry_after_seconds))
    ends_lane = error.scope != "recipient"
    failed = Outcome(
        status=NotificationStatus.FAILED,
        error=error.reason,
        next_attempt_at=again_at,
        ends_lane=ends_lane,
        pauses_until=again_at if ends_lane else None,
    )
    if purpose == Purpose.TEST:
        return replace(failed, status=NotificationStatus.GAVE_UP, next_attempt_at=None)
    if attempt_count >= MAX_ATTEMPTS:
        reason = f"Gave up after {attempt_count} attempts: {error.reason}"
        return replace(failed, status=NotificationStatus.GAVE_UP, error=reason, next_attempt_at=None)
    return failed


def reason_to_drop(
    *,
    purpose: str,
    recipient: str,
    attempt_count: int,
    channel: NotificationChannel | None,
    is_firing_sent: bool,
) -> str:
    """Why this message must not be sent any more; empty when it must.

    `is_firing_sent`: the firing message of the same alert went to the same place.
    """
    if channel is None and not recipient:
        return "The channel was deleted."
    if channel is not None and not channel.enabled:
        return "The channel is disabled."
    if channel is not None and channel.broken_at and purpose != Purpose.TEST:
        return broken_reason(channel.broken_reason)
    if purpose in FOLLOWING and not is_firing_sent:
        return "Its firing message was not sent."
    if attempt_count >= MAX_ATTEMPTS:
        return f"Gave up after {attempt_count} attempts: none came back with an answer."
    return ""


def broken_reason(reason: str) -> str:
    return f"The channel is broken: {reason}"
