"""Binary mode: the attributes of a CloudEvent in HTTP headers (http-protocol-binding.md, 3.1.3)."""

from __future__ import annotations

import re

from ingest.protocols.base import Head
from ingest.protocols.cloudevents.attributes import REQUIRED, InvalidCloudEvent

PREFIX = "ce-"
REQUIRED_HEADERS = frozenset(PREFIX + name for name in REQUIRED)

_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_QUOTED = re.compile(r'"((?:[^"\\]++|\\.)*+)"', re.DOTALL)
_PERCENT = re.compile(rb"%([0-9A-Fa-f]{2})")


def attributes_of(head: Head) -> dict[str, str]:
    """Attribute -> text as sent, `datacontenttype` from Content-Type. Raises InvalidCloudEvent."""
    found: dict[str, str] = {}
    for header, value in head.headers.items():
        if header.startswith(PREFIX):
            name = header.removeprefix(PREFIX)
            found[name] = header_text(name, value)
    if "datacontenttype" in found:
        raise InvalidCloudEvent(
            "datacontenttype",
            "datacontenttype is the Content-Type in binary mode; leave out ce-datacontenttype",
        )
    if head.content_type:
        found["datacontenttype"] = head.content_type
    return found


def identity_of(head: Head) -> bytes:
    """All of the head that the event is made of, in one order: the body alone doesn't tell two events apart."""
    headers = sorted((name, value) for name, value in head.headers.items() if name.startswith(PREFIX))
    return repr((head.content_type, headers)).encode()


def header_text(name: str, value: str) -> str:
    """Undo quotes with their backslashes, then one round of percent-encoding, as UTF-8.

    Takes a header as WSGI has it, a byte a character. Raises InvalidCloudEvent.
    """
    if '"' in value:
        value = _QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), value)
    try:
        data = value.encode("latin-1")
        return _PERCENT.sub(lambda found: bytes.fromhex(found[1].decode()), data).decode()
    except UnicodeError:
        raise InvalidCloudEvent(name, f"{name} is not valid UTF-8") from None
