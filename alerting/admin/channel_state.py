"""How a channel is, in one word, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.utils import timezone

from alerting.models import NotificationChannel

NO_MAIL_SERVER = "No mail server is set: set EMAIL_URL to smtp://host:port and restart."


@dataclass(frozen=True, slots=True)
class ChannelState:
    """`kind` and `icon` as badges take them; `reason` is empty where there is nothing to mend."""

    kind: str
    icon: str
    word: str
    reason: str = ""


def lacks_mail_server(kind_name: str) -> bool:
    return kind_name == "email" and not settings.EMAIL_URL


def channel_state(channel: NotificationChannel, now: datetime) -> ChannelState:
    if not channel.enabled:
        return ChannelState("quiet", "pause_circle", "disabled")
    if channel.broken_at:
        return ChannelState("bad", "error", "broken", channel.broken_reason)
    if lacks_mail_server(channel.kind):
        return ChannelState("warning", "unsubscribe", "no mail server", NO_MAIL_SERVER)
    if channel.paused_until and channel.paused_until > now:
        until = f"waits until {timezone.localtime(channel.paused_until):%H:%M:%S}"
        return ChannelState("warning", "pause_circle", until, channel.last_error)
    if _failed_last(channel):
        return ChannelState("warning", "replay", "failing", channel.last_error)
    return ChannelState("good", "check_circle", "ok")


def _failed_last(channel: NotificationChannel) -> bool:
    failed_at, sent_at = channel.last_error_at, channel.last_sent_at
    return failed_at is not None and (sent_at is None or sent_at < failed_at)
