"""The services that may be used, and making apprise's plugin for one.

Only those that speak HTTPS alone, or whose address says that they do: what they send goes through our guard. Matrix is
left out (it logs in anew for each message), so is everything that isn't HTTP.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from alerting.channels.apprise.guard import guard_module

# Its lines quote addresses, and those hold the tokens.
logging.getLogger("apprise").addFilter(lambda record: False)


@dataclass(frozen=True, slots=True)
class Service:
    """One service: what people call it, apprise's module and class, an address as it looks."""

    title: str
    module: str
    plugin: str
    example: str


SERVICES: Mapping[str, Service] = {
    "workflows": Service(
        "Microsoft Teams", "workflows", "NotifyWorkflows", "workflows://host/workflow id/signature"
    ),
    "discord": Service("Discord", "discord", "NotifyDiscord", "discord://webhook id/webhook token"),
    "tgram": Service("Telegram", "telegram", "NotifyTelegram", "tgram://bot token/chat id"),
    "opsgenie": Service("Opsgenie", "opsgenie", "NotifyOpsgenie", "opsgenie://api key"),
    "jira": Service("Jira Service Management", "jira", "NotifyJira", "jira://api key"),
    "ntfys": Service("ntfy", "ntfy", "NotifyNtfy", "ntfys://host/topic"),
    "mmosts": Service("Mattermost", "mattermost", "NotifyMattermost", "mmosts://host/webhook token"),
    "rockets": Service("Rocket.Chat", "rocketchat", "NotifyRocketChat", "rockets://webhook@host/#room"),
    "gchat": Service("Google Chat", "google_chat", "NotifyGoogleChat", "gchat://workspace/key/token"),
    "gotifys": Service("Gotify", "gotify", "NotifyGotify", "gotifys://host/token"),
    "pover": Service("Pushover", "pushover", "NotifyPushover", "pover://user key@token"),
    "zulip": Service("Zulip", "zulip", "NotifyZulip", "zulip://bot@organization/token/stream"),
    "wxteams": Service("Webex", "webexteams", "NotifyWebexTeams", "wxteams://token"),
    "victorops": Service("Splunk On-Call", "splunk", "NotifySplunk", "victorops://routing key@api key"),
    "pagertree": Service("PagerTree", "pagertree", "NotifyPagerTree", "pagertree://integration id"),
    "squadcast": Service("Squadcast", "squadcast", "NotifySquadcast", "squadcast://token"),
    "spike": Service("Spike", "spike", "NotifySpike", "spike://token"),
    "signl4": Service("SIGNL4", "signl4", "NotifySIGNL4", "signl4://secret"),
}

# The rest of apprise's options read files, fetch addresses, or turn certificates off.
# fmt: off
OPTIONS = frozenset({
    "alias", "api-version", "avatar", "channel", "device", "entity", "fields", "footer", "format",
    "ip", "mode", "overflow", "preview", "priority", "region", "route", "sig", "silent", "sound",
    "sp", "sv", "tags", "thread", "to", "topic", "tts",
})
# fmt: on


MAX_PORT = 65535


class UnusableUrl(ValueError):
    """The address names no service of ours, or apprise can't read it. The text holds nothing of it but names."""


def service_of(url: str) -> str:
    """The service an address is for; web addresses that a service hands out count too. Raises UnusableUrl."""
    try:
        schema = urlsplit(url).scheme
    except ValueError:
        raise UnusableUrl("This is no valid address.") from None
    if schema in SERVICES:
        return schema
    if schema == "https":
        for name in SERVICES:
            if _plugin_class(name).parse_native_url(url):
                return name
    raise UnusableUrl(f"Begin with one of {', '.join(f'{name}://' for name in SERVICES)}.")


def make_plugin(service: str, url: str) -> Any:
    """Apprise's plugin, its HTTP replaced by our guard. Raises UnusableUrl."""
    from apprise import AppriseAsset

    plugin_class = _plugin_class(service)
    values = plugin_class.parse_native_url(url) or plugin_class.parse_url(url)
    if not values:
        raise UnusableUrl(f"Must look like {SERVICES[service].example}.")
    given = [name for part in ("qsd", "qsd+", "qsd-", "qsd:") for name in values.get(part, ())]
    if unknown := sorted(set(given) - OPTIONS):
        raise UnusableUrl(
            f"The option {unknown[0]!r} can't be used; there are: {', '.join(sorted(OPTIONS))}."
        )
    asset = AppriseAsset(storage_mode="memory", allow_templates=False, image_url_mask="", image_url_logo="")
    try:
        plugin = plugin_class(**{**values, "asset": asset})
    except Exception:  # whatever a plugin raises over an address, its text may quote it
        raise UnusableUrl(f"Must look like {SERVICES[service].example}.") from None
    if plugin.port is not None and not 1 <= plugin.port <= MAX_PORT:
        raise UnusableUrl(f"A port is a number from 1 to {MAX_PORT}.")
    # Its own rests between requests would outlast the lease of the message.
    plugin.throttle = lambda *args, **kwargs: None
    return plugin


def _plugin_class(service: str) -> Any:
    """One module of apprise's 150: its own look-up would load them all, 20 MB in each process."""
    known = SERVICES[service]
    module = importlib.import_module(f"apprise.plugins.{known.module}")
    guard_module(module)
    return getattr(module, known.plugin)
