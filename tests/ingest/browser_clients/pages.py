"""A web page with a browser key, as its requests look on the wire."""

from __future__ import annotations

import json
from typing import Any

from django.test import Client

from projects.keys import create_browser_key
from projects.models import Project

SHOP = "https://shop.example.com"


class WebPage:
    """Sends what the scripts of a page at `origin` send; None for a program that is no browser."""

    def __init__(self, project: Project, origin: str | None = SHOP, **limits: Any) -> None:
        self.row, self.key = create_browser_key(project, "web", **limits)
        self.origin = origin
        self._client = Client(raise_request_exception=False)

    def fetch(self, path: str, body: Any, content_type: str = "application/json", **headers: str) -> Any:
        """`fetch` with the key in a header."""
        return self._send(path, body, content_type, HTTP_X_API_KEY=self.key, **headers)

    def beacon(self, path: str, body: Any, **headers: str) -> Any:
        """`navigator.sendBeacon` of a text: no header can be set. (`fetch` with `keepalive` can name an encoding.)"""
        return self._send(path, body, "text/plain;charset=UTF-8", **headers)

    def _send(self, path: str, body: Any, content_type: str, **headers: str) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        if self.origin is not None:
            headers["HTTP_ORIGIN"] = self.origin
        return self._client.generic("POST", path, data, content_type=content_type, **headers)  # type: ignore[arg-type]  # WSGI headers


def options(path: str, **headers: str) -> Any:
    """What a browser asks before a request that needs asking; no key."""
    return Client().generic("OPTIONS", path, **headers)  # type: ignore[arg-type]  # WSGI headers
