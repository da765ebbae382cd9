"""`{"webhook_url"}` or `{"bot_token", "channel", "signing_secret"}` (the last optional)."""

from __future__ import annotations

import re
from typing import Any

from alerting import outbound
from alerting.channels.base import Action, Config, given_texts
from alerting.channels.errors import ConfigError

FIELDS = frozenset({"webhook_url", "bot_token", "channel", "signing_secret"})
_BOT_FIELDS = FIELDS - {"webhook_url"}

# Printable ASCII without spaces: what can stand in an Authorization header.
_SECRET = re.compile(r"[!-~]{8,500}")
_CHANNEL = re.compile(r"#?[\w.-]{1,80}")


def parse_config(config: Config) -> dict[str, Any]:
    """Check what was entered and drop what is empty. Raises ConfigError by field."""
    given, errors = given_texts(config, FIELDS)
    if not errors:
        errors = _webhook_errors(given) if "webhook_url" in given else _bot_errors(given)
    if errors:
        raise ConfigError(errors)
    return given


def has_buttons(config: Config) -> bool:
    """Clicks come back signed with the secret; without it nobody could believe them."""
    return "bot_token" in config and "signing_secret" in config


def follows(config: Config) -> frozenset[Action]:
    """A bot can edit what it said; a webhook would have to say everything anew."""
    return frozenset(Action) if "bot_token" in config else frozenset()


def for_rule(config: Config, options: Config) -> Config:
    """A rule may send to another Slack channel; a webhook is bound to one, so there it has no effect."""
    if "bot_token" in config and options.get("channel"):
        return {**config, "channel": options["channel"]}
    return config


def _webhook_errors(given: dict[str, Any]) -> dict[str, str]:
    errors = {name: "Goes with a bot token, not with a webhook URL." for name in given if name in _BOT_FIELDS}
    try:
        outbound.check_url(given["webhook_url"])
    except outbound.Refused as error:
        errors["webhook_url"] = str(error)
    return errors


def _bot_errors(given: dict[str, Any]) -> dict[str, str]:
    if "bot_token" not in given:
        return {"webhook_url": "Enter a webhook URL, or a bot token and a channel."}
    errors: dict[str, str] = {
        name: "Must be 8 to 500 printable ASCII characters without spaces."
        for name in ("bot_token", "signing_secret")
        if name in given and not _SECRET.fullmatch(given[name])
    }
    if "channel" not in given:
        errors["channel"] = "A bot token needs a channel, like #alerts or C0123456789."
    elif not _CHANNEL.fullmatch(given["channel"]):
        errors["channel"] = "Must be a channel's name or id, like #alerts or C0123456789."
    return errors
