"""`{"recipients": ["ana@example.com", ...]}`."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import ValidationError
from django.core.validators import EmailValidator

from alerting.channels.base import Config, unknown_fields
from alerting.channels.errors import ConfigError
from alerting.messages import clean

MAX_RECIPIENTS = 50
_is_address = EmailValidator(allowlist=["localhost"])


def parse_config(config: Config) -> dict[str, Any]:
    """Check what was entered; the same address twice counts once. Raises ConfigError by field."""
    errors = unknown_fields(config, frozenset({"recipients"}))
    entered = config.get("recipients", [])
    if not isinstance(entered, list) or not all(isinstance(one, str) for one in entered):
        errors["recipients"] = "Must be a list of mail addresses."
        raise ConfigError(errors)
    addresses = list({one.strip().lower(): one.strip() for one in entered}.values())
    if problem := _problem(addresses):
        errors["recipients"] = problem
    if errors:
        raise ConfigError(errors)
    return {"recipients": addresses}


def recipients(config: Config) -> list[str]:
    return list(config["recipients"])


def _problem(addresses: list[str]) -> str | None:
    if not addresses:
        return "Enter at least one mail address."
    if len(addresses) > MAX_RECIPIENTS:
        return f"At most {MAX_RECIPIENTS} addresses; use a mailing list for more."
    for address in addresses:
        if not _is_plain_address(address):
            return f"{clean(address)!r} is no mail address."
    return None


def _is_plain_address(address: str) -> bool:
    """Valid, and without quoting or control characters, so that it stands in headers as it is."""
    try:
        _is_address(address)
    except ValidationError:
        return False
    return address.isascii() and address.isprintable() and '"' not in address
