"""Links in messages: to the alert in the admin, and the signed one that acknowledges without a login."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.core import signing

ACKNOWLEDGE = "acknowledge"
LIFETIME = timedelta(days=7)
_SALT = "alerting.acknowledge"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class ForgedLinkError(Exception):
    """Nobody here signed this token."""


class ExpiredLinkError(Exception):
    """Signed here, too long ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcknowledgeLink:
    """What a token says. `episode` is when the alert fired; `channel_id` is None for addresses of a rule."""

    alert_id: UUID
    episode: datetime | None
    channel_id: int | None
    recipient: str
    expires_at: datetime
    purpose: str = ACKNOWLEDGE


def alert_url(alert_id: UUID | None) -> str:
    """The alert's page in the admin; without alert (test messages) the list."""
    page = f"{alert_id}/change/" if alert_id else ""
    return f"{settings.PUBLIC_URL}/admin/alerting/alert/{page}"


def acknowledge_url(token: str) -> str:
    return f"{settings.PUBLIC_URL}/acknowledge/{token}/"


def sign(link: AcknowledgeLink) -> str:
    """The token: readable by anyone who has it, made by us only."""
    fields = [
        str(link.alert_id),
        _microseconds(link.episode),
        link.channel_id,
        link.recipient,
        link.purpose,
        int(link.expires_at.timestamp()),
    ]
    return signing.dumps(fields, salt=_SALT, compress=True)


def verify(token: str, now: datetime) -> AcknowledgeLink:
    """What was signed. Raises ForgedLinkError, or ExpiredLinkError after its time."""
    try:
        alert_id, episode, channel_id, recipient, purpose, expires = signing.loads(token, salt=_SALT)
    except signing.BadSignature:
        raise ForgedLinkError from None
    if purpose != ACKNOWLEDGE:
        raise ForgedLinkError
    link = AcknowledgeLink(
        alert_id=UUID(alert_id),
        episode=_moment(episode),
        channel_id=channel_id,
        recipient=recipient,
        expires_at=datetime.fromtimestamp(expires, tz=UTC),
        purpose=purpose,
    )
    if link.expires_at <= now:
        raise ExpiredLinkError
    return link


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int | None) -> datetime | None:
    return None if microseconds is None else _EPOCH + timedelta(microseconds=microseconds)
