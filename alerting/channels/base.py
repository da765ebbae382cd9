"""What every kind of channel offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from alerting.channels.forms import ChannelConfigForm
    from alerting.messages import Message

Config = Mapping[str, Any]


def _no_recipients(config: Config) -> list[str]:
    return []


def _same_for_every_rule(config: Config, options: Config) -> Config:
    return config


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """One kind of channel.

    `parse_config` checks what a person entered and returns what is stored, or raises ConfigError. `send` delivers
    one message within 20 s or raises TransportError. `recipients` are the addresses of a channel that writes to
    each of them (empty: it has one place). `for_rule` applies `notification_config[<kind>]` of a rule.
    """

    name: str
    title: str
    secret_fields: frozenset[str]
    parse_config: Callable[[Config], dict[str, Any]]
    send: Callable[[Config, Message], None]
    form_class: type[ChannelConfigForm]
    recipients: Callable[[Config], list[str]] = _no_recipients
    for_rule: Callable[[Config, Config], Config] = _same_for_every_rule

    def public_config(self, config: Config) -> dict[str, Any]:
        """The configuration as it may be shown: secrets only say that they are set."""
        return {name: "set" if name in self.secret_fields else value for name, value in config.items()}


def unknown_fields(config: Config, known: frozenset[str]) -> dict[str, str]:
    """One error for each field that the kind doesn't have."""
    names = ", ".join(sorted(known))
    return {str(name): f"Unknown field; there are: {names}." for name in config if name not in known}
