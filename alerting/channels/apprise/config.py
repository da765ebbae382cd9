"""`{"url"}`: an address as apprise writes it, or as the service hands it out; `service` is read from it."""

from __future__ import annotations

from typing import Any

from alerting.channels.apprise.services import UnusableUrl, make_plugin, service_of
from alerting.channels.base import Config, given_texts
from alerting.channels.errors import ConfigError

FIELDS = frozenset({"url", "service"})
MAX_URL_LENGTH = 2000


def parse_config(config: Config) -> dict[str, Any]:
    """Check what was entered; `service` is always what the address says. Raises ConfigError by field."""
    given, errors = given_texts(config, FIELDS)
    url = given.get("url", "")
    if "url" not in errors and (problem := _form_problem(url)):
        errors["url"] = problem
    if errors:
        raise ConfigError(errors)
    try:
        service = service_of(url)
        target_count = len(make_plugin(service, url))
    except UnusableUrl as error:
        raise ConfigError({"url": str(error)}) from None
    # Each target is a request of its own: where a later one fails, another attempt would tell the first ones twice.
    if target_count > 1:
        raise ConfigError({"url": "The address names several targets: make one channel for each."})
    return {"url": url, "service": service}


def _form_problem(url: str) -> str:
    if not url:
        return "Enter the address of a service."
    if len(url) > MAX_URL_LENGTH or not url.isprintable():
        return f"Must be one line of {MAX_URL_LENGTH} characters at most."
    return ""
