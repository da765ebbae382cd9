"""Where a channel's messages go, and what must not follow when that becomes another place."""

from __future__ import annotations

import ipaddress
from collections.abc import Collection
from urllib.parse import urlsplit

from django.conf import settings

from alerting import outbound
from alerting.channels.base import ChannelKind, Config
from alerting.channels.errors import ConfigError
from alerting.models import ChannelThread, NotificationChannel


def check_secrets(kind: ChannelKind, stored: Config, config: Config, given: Collection[str]) -> None:
    """Raises ConfigError for each stored secret that another place would get although nobody entered it for there.

    Who may edit a channel can't read its secrets: pointed at an address of their own, they would be told them. `given`
    names the fields entered along with the place.
    """
    if not has_moved(kind, stored, config):
        return
    carried = {name for name in kind.secrets_of_place if name in stored and name in config} - set(given)
    if carried:
        raise ConfigError(
            dict.fromkeys(sorted(carried), "Messages go to another address now: enter it again.")
        )


def has_moved(kind: ChannelKind, stored: Config, config: Config) -> bool:
    """Whether messages go elsewhere than with the stored configuration; a new channel has moved from nowhere."""
    return bool(stored) and any(stored.get(name) != config.get(name) for name in kind.place_fields)


def configure(channel: NotificationChannel, kind: ChannelKind, config: Config) -> None:
    """Give a channel another configuration, and with it another chance. The row itself is not saved.

    What stands in the former place can't be followed in the new one, so its threads go.
    """
    if channel.pk and has_moved(kind, channel.readable_config, config):
        ChannelThread.objects.filter(channel=channel.pk).delete()
    channel.config = dict(config)
    channel.give_another_chance()


def closed_place(kind: ChannelKind, config: Config) -> str:
    """What is to be done where a place is written as an address that nothing may be sent to; empty where it isn't.

    Names are not looked up: what they mean now may be another address by the time a message goes out.
    """
    allowed = outbound.Allowed.parse(settings.TELEMETRY_OUTBOUND_ALLOW)
    for name in kind.place_fields:
        text = str(config.get(name, ""))
        try:
            host = urlsplit(text).hostname or ""
            address = ipaddress.ip_address(host)
        except ValueError:  # a name, or no address at all such as a bot's channel
            continue
        if not outbound.is_open(address, host, allowed):
            return (
                f"{host} is inside this network or reserved: nothing is sent there until TELEMETRY_OUTBOUND_ALLOW "
                "names it."
            )
    return ""
