"""Web origins (RFC 6454): scheme, host and port of the page that a request comes from."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

MAX_LENGTH = 300
DEFAULT_PORTS = {"http": 80, "https": 443}

# Capacitor, Ionic and browser extensions have schemes of their own.
_SCHEME = re.compile(r"[a-z][a-z0-9+.-]*")
_NAME = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*"
_ADDRESS = r"\[[0-9a-f:.]+\]"
_HOST = re.compile(rf"(\*\.)?{_NAME}|{_ADDRESS}")
_ORIGIN = re.compile(rf"{_SCHEME.pattern}://({_NAME}|{_ADDRESS})(:[0-9]{{1,5}})?")
_WITHOUT_SITE = frozenset({"null", "file://"})

HOW = "must be like https://shop.example.com or https://*.example.com, without path"


def normalised(text: str) -> str:
    """An origin or pattern as browsers write origins: lower case, without default port. Raises ValueError."""
    if len(text) > MAX_LENGTH:
        raise ValueError(f"must have at most {MAX_LENGTH} characters")
    try:
        parts = urlsplit(text.strip().lower())
        port = parts.port
    except ValueError:
        raise ValueError(HOW) from None
    if parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(HOW)
    host = parts.netloc if port is None else parts.netloc.rpartition(":")[0]
    if not _SCHEME.fullmatch(parts.scheme) or not _HOST.fullmatch(host):
        raise ValueError(HOW)
    is_default = port is None or port == DEFAULT_PORTS.get(parts.scheme)
    return f"{parts.scheme}://{host}" if is_default else f"{parts.scheme}://{host}:{port}"


def is_origin(text: str) -> bool:
    """Whether a browser would send this as `Origin`, also one for pages without a site, such as files."""
    return text in _WITHOUT_SITE or _has_site(text)


def _has_site(text: str) -> bool:
    return len(text) <= MAX_LENGTH and _ORIGIN.fullmatch(text.lower()) is not None


def is_among(origin: str, patterns: Iterable[str]) -> bool:
    """Whether a request's `Origin` is one of the patterns (as `normalised`); `*.` stands for one label or more."""
    # Else a path or a fragment could end as a pattern does.
    if not _has_site(origin):
        return False
    scheme, _, host = origin.lower().partition("://")
    for pattern in patterns:
        wanted_scheme, _, wanted_host = pattern.partition("://")
        if scheme != wanted_scheme:
            continue
        if host == wanted_host:
            return True
        if wanted_host.startswith("*.") and host.endswith(wanted_host[1:]) and host != wanted_host[1:]:
            return True
    return False
