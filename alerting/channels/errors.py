"""What a channel may answer instead of a delivered message or a usable configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Scope = Literal["channel", "recipient", "message", "platform"]


class ConfigError(ValueError):
    """A configuration that can't be used: `errors` has one message per field."""

    def __init__(self, errors: Mapping[str, str]) -> None:
        super().__init__(" ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = dict(errors)


class TransportError(Exception):
    """A message was not delivered. The text is one line, fit to show, without secrets.

    `permanent`: trying again is no use. `scope` says what is at fault: the channel, only this recipient, only this
    message, or this platform's own settings (the last two must not brand a channel as broken).
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
