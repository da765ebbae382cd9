"""Who the client is, behind proxies and behind liars."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from telemetry_platform.proxies import TrustedProxyMiddleware, client_address

TRUSTED = [ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("::1/128")]


@pytest.mark.parametrize(
    ("peer", "forwarded_for", "client"),
    [
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "6.6.6.6, 203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "not an address", "10.0.0.1"),
        ("198.51.100.1", "203.0.113.9", "198.51.100.1"),
        ("::1", "2001:db8::7", "2001:db8::7"),
        ("unix", "203.0.113.9", "unix"),
    ],
)
def test_the_nearest_address_that_is_no_proxy_is_the_client(
    peer: str, forwarded_for: str, client: str
) -> None:
    assert client_address(peer, forwarded_for, TRUSTED) == client


@pytest.mark.parametrize(("peer", "secure"), [("10.0.0.1", True), ("198.51.100.1", False)])
def test_the_scheme_is_believed_from_a_trusted_proxy_only(settings: Any, peer: str, secure: bool) -> None:
    settings.TRUSTED_PROXIES = ("10.0.0.0/8",)
    seen: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request)
        return HttpResponse()

    request = RequestFactory().get("/", REMOTE_ADDR=peer, HTTP_X_FORWARDED_PROTO="https")
    TrustedProxyMiddleware(view)(request)
    assert seen[0].is_secure() is secure
