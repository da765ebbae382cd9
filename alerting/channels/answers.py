"""One POST to somebody's service, and what the status of its answer means: the same for every kind that speaks HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from alerting import outbound
from alerting.channels.errors import Scope, TransportError
from alerting.messages import clean

_PASSING_STATUSES = frozenset({408, 429})
# What the other side can't do with this one message: the next may be fine.
_MESSAGE_STATUSES = frozenset({400, 413, 422})


def post(
    url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float | None = None
) -> outbound.Response:
    """The answer, whatever its status, within 20 s or as told. Raises TransportError where there is none."""
    try:
        return outbound.post(url, body, headers, timeout_seconds)
    except outbound.OutboundError as error:
        raise unanswered(error) from None


def unanswered(error: outbound.OutboundError) -> TransportError:
    """What the guard refused stays refused until somebody edits; everything else may work later."""
    return TransportError(str(error), permanent=isinstance(error, outbound.Refused))


def refusal(
    service: str, answer: outbound.Response, *, said: str = "", now: datetime
) -> TransportError | None:
    """None for 2xx. `said` is what the other side gave as its reason, free of secrets."""
    status = answer.status
    if 200 <= status < 300:
        return None
    words = clean(said)
    reason = f"{service} answered {status}{f': {words}' if words else ''}"
    if status in _PASSING_STATUSES or status >= 500:
        return TransportError(reason, permanent=False, retry_after_seconds=retry_after_seconds(answer, now))
    if 300 <= status < 400:
        reason = f"{service} answered {status}: redirects are not followed"
    scope: Scope = "message" if status in _MESSAGE_STATUSES else "channel"
    return TransportError(reason, permanent=True, scope=scope)


def retry_after_seconds(answer: outbound.Response, now: datetime) -> float | None:
    """From either form of the header; None where it is missing or no time."""
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
