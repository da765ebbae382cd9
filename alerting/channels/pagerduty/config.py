"""`{"routing_key", "url"}`: the second only for accounts outside PagerDuty's first service region."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from django.conf import settings

from alerting import outbound
from alerting.channels.base import Action, Config, given_texts
from alerting.channels.errors import ConfigError

DEFAULT_URL = "https://events.pagerduty.com"
HOSTS = frozenset({"events.pagerduty.com", "events.eu.pagerduty.com"})
FIELDS = frozenset({"routing_key", "url"})

_ROUTING_KEY = re.compile(r"[A-Za-z0-9]{32}")


def parse_config(config: Config) -> dict[str, Any]:
    """Check what was entered. Raises ConfigError by field."""
    given, errors = given_texts(config, FIELDS)
    url = given.get("url", DEFAULT_URL).rstrip("/")
    if "routing_key" not in errors and not _ROUTING_KEY.fullmatch(given.get("routing_key", "")):
        errors["routing_key"] = "Must be the 32 letters and digits of an Events API v2 integration."
    if "url" not in errors and (problem := _url_problem(url)):
        errors["url"] = problem
    if errors:
        raise ConfigError(errors)
    return {"routing_key": given["routing_key"], "url": url}


def follows(config: Config) -> frozenset[Action]:
    """PagerDuty's events know no notes and no owners."""
    return frozenset({Action.ACKNOWLEDGE, Action.RESOLVE})


def _url_problem(url: str) -> str:
    """Whoever gets the key can open and close incidents: only PagerDuty does, or a relay that the settings name."""
    try:
        target = outbound.check_url(url)
    except outbound.Refused as error:
        return str(error)
    host = target.host or ""
    if (target.scheme == "https" and host in HOSTS) or _is_named(host):
        return ""
    known = " or ".join(f"https://{one}" for one in sorted(HOSTS, reverse=True))
    return f"Must be {known}; a relay of your own must be named in TELEMETRY_OUTBOUND_ALLOW."


def _is_named(host: str) -> bool:
    allowed = outbound.Allowed.parse(settings.TELEMETRY_OUTBOUND_ALLOW)
    plain = host.strip("[]").rstrip(".")
    if plain in allowed.hosts:
        return True
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        return False
    return any(address in network for network in allowed.networks)
