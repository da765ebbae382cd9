"""What a page of settings is made of."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from projects.models import KeyKind

KEY = "<API key>"
"""Where the reader puts a key: its text is stored nowhere, so the page can't show one."""

LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@dataclass(frozen=True, slots=True)
class Part:
    """One text to copy. It holds __URL__, __HOST__, __SCHEME__ and __KEY__ where the server's and the key's go."""

    title: str
    text: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """One kind of client: how it is called, what it sends where, which key it needs."""

    slug: str
    name: str
    what: str
    parts: tuple[Part, ...]
    key_kind: KeyKind = KeyKind.SERVER


def filled(text: str, url: str, key: str = KEY) -> str:
    """The text for a server at `url` (scheme, host and port only)."""
    parts = urlsplit(url)
    places = {"__URL__": url, "__HOST__": parts.netloc, "__SCHEME__": parts.scheme, "__KEY__": key}
    for place, value in places.items():
        text = text.replace(place, value)
    return text.strip("\n")


def server_url(public_url: str, asked_url: str) -> str:
    """PUBLIC_URL, unless that names this machine only and the reader came in by another name."""
    is_local = urlsplit(public_url).hostname in LOOPBACK
    return asked_url if is_local and urlsplit(asked_url).hostname not in LOOPBACK else public_url
