"""Forwarded headers, believed only from TRUSTED_PROXIES: anybody else could write any address into them."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence

from django.conf import settings
from django.http import HttpRequest, HttpResponse

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The address nearest to us that is no trusted proxy: read from the right, because clients write the left."""
    address = peer
    for hop in [part.strip() for part in reversed(forwarded_for.split(",")) if part.strip()]:
        if not is_trusted(address, trusted):
            break
        address = hop
    return address if _parsed(address) else peer


def is_trusted(address: str, trusted: Sequence[Network]) -> bool:
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in trusted)


def _parsed(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(address)
    except ValueError:
        return None


class TrustedProxyMiddleware:
    """Sets the client's address and scheme from X-Forwarded-For and X-Forwarded-Proto of a trusted proxy."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self._get_response = get_response
        self._trusted = [ipaddress.ip_network(entry, strict=False) for entry in settings.TRUSTED_PROXIES]

    def __call__(self, request: HttpRequest) -> HttpResponse:
        peer = request.META.get("REMOTE_ADDR", "")
        if self._trusted and is_trusted(peer, self._trusted):
            forwarded_for = request.META.get("HTTP_X_FORWARDED_FOR", "")
            request.META["REMOTE_ADDR"] = client_address(peer, forwarded_for, self._trusted)
            scheme = request.META.get("HTTP_X_FORWARDED_PROTO", "").strip().lower()
            if scheme in ("http", "https"):
                request.META["wsgi.url_scheme"] = scheme
        return self._get_response(request)
