"""What every kind of channel offers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from django.forms import Field
    from django.forms.utils import ErrorDict
    from django.http import HttpRequest, HttpResponse

    from alerting.messages import Message
    from alerting.models import NotificationChannel

Config = Mapping[str, Any]

Reference = Mapping[str, Any]
"""What the other side calls a message, as JSON: kept per alert and handed back with the next message about it."""


class Action(StrEnum):
    """What people do to an alert; see `alerting.actions`."""

    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    ASSIGN = "assign"
    NOTE = "note"


class Send(Protocol):
    """Deliver one message within 20 s, or raise TransportError.

    `reference` is what the first message about this alert was answered with, where there was one. A new one to keep
    is returned, None to keep what is stored.
    """

    def __call__(
        self, config: Config, message: Message, reference: Reference | None = None
    ) -> Reference | None: ...


class ConfigForm(Protocol):
    """What the admin needs of a kind's form; `alerting.channels.forms` has the base of all of them."""

    fields: dict[str, Field]
    stored: dict[str, Any]
    config: dict[str, Any]
    given: dict[str, Any]

    def __init__(
        self, data: Any = None, files: Any = None, *, stored: Mapping[str, Any] | None = None
    ) -> None: ...

    @classmethod
    def config_fields(cls) -> tuple[str, ...]: ...

    @property
    def errors(self) -> ErrorDict: ...

    def is_valid(self) -> bool: ...


def _no_recipients(config: Config) -> list[str]:
    return []


def _same_for_every_rule(config: Config, options: Config) -> Config:
    return config


def _nothing(config: Config) -> frozenset[Action]:
    return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelKind:
    """One kind of channel.

    `parse_config` checks what a person entered and returns what is stored, or raises ConfigError. `recipients` are
    the addresses of a channel that writes to each of them (empty: it has one place). `place_fields` say where messages
    go: another value forgets the references, and asks again for `secrets_of_place`, which are meant for that place
    alone. `for_rule` applies
    `notification_config[<kind>]` of a rule. `follows` names the actions of people that it passes on: only a kind
    that edits what it said follows any. `takes_groups`: one message may tell of several alerts. `receive` answers a
    request from the service itself to `/integrations/<kind>/<channel id>/`, which must prove where it comes from.
    `preview` is what the other side would get for a sample message, free of secrets, or raises ConfigError.
    """

    name: str
    title: str
    summary: str
    secret_fields: frozenset[str]
    parse_config: Callable[[Config], dict[str, Any]]
    send: Send
    form_class: type[ConfigForm]
    place_fields: frozenset[str] = frozenset()
    secrets_of_place: frozenset[str] = frozenset()
    recipients: Callable[[Config], list[str]] = _no_recipients
    for_rule: Callable[[Config, Config], Config] = _same_for_every_rule
    follows: Callable[[Config], frozenset[Action]] = _nothing
    takes_groups: bool = True
    receive: Callable[[HttpRequest, NotificationChannel], HttpResponse] | None = None
    preview: Callable[[Config], str] | None = None

    def public_config(self, config: Config) -> dict[str, Any]:
        """The configuration as it may be shown: secrets only say that they are set."""
        return {name: "set" if name in self.secret_fields else value for name, value in config.items()}


def given_texts(config: Config, known: frozenset[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Texts as entered without what is empty, trimmed; and an error for each field that is unknown or no text."""
    given = {name: value for name, value in config.items() if value not in ("", None)}
    errors = unknown_fields(given, known)
    errors |= {
        name: "Must be text." for name, value in given.items() if name in known and not isinstance(value, str)
    }
    return {name: value.strip() for name, value in given.items() if name not in errors}, errors


def unknown_fields(config: Config, known: frozenset[str]) -> dict[str, str]:
    """One error for each field that the kind doesn't have."""
    names = ", ".join(sorted(known))
    return {str(name): f"Unknown field; there are: {names}." for name in config if name not in known}
