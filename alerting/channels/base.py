"""What every kind of channel offers, and the errors it may answer with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from alerting.channels.forms import ChannelConfigForm
    from alerting.messages import Message

Config = Mapping[str, Any]
Scope = Literal["channel", "recipient", "platform"]


class ConfigError(ValueError):
    """A configuration that can't be used: `errors` has one message per field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = dict(errors)


class TransportError(Exception):
    """A message was not delivered. The text is one line, fit to show, without secrets.

    `permanent`: trying again is no use. `scope` says what is at fault: the channel, only this recipient, or this
    platform's own settings (which must not brand a channel as broken).
    """

    def __init__(
        self,
        reason: str,
        *,
        permanent: bool,
        retry_after_seconds: float | None = None,
        scope: Scope = "channel",
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds
        self.scope = scope


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
