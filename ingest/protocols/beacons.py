"""Beacons of browsers: JSON sent as `text/plain`, because that needs no question beforehand (no CORS preflight).

A beacon can set no headers, so its key comes in the URL or as a member `writeKey` beside the records.
"""

from __future__ import annotations

import msgspec

from ingest.protocols.base import Head

MEDIA_TYPE = "text/plain"
WRITE_KEY = "writeKey"
MAX_KEY_LENGTH = 200

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text = msgspec.json.Decoder(str)


def is_beacon(head: Head) -> bool:
    return head.media_type == MEDIA_TYPE


def write_key(body: bytes) -> str:
    """The key in the body; '' where there is none or the body can't be read."""
    members = _members(body)
    raw = members.get(WRITE_KEY) if members else None
    if raw is None or len(bytes(raw)) > 6 * MAX_KEY_LENGTH:
        return ""
    try:
        return _text.decode(raw)[:MAX_KEY_LENGTH].strip()
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def without_write_key(body: bytes) -> bytes:
    """The body as a client with headers would have sent it; what can't be read stays as it is."""
    members = _members(body)
    if not members or WRITE_KEY not in members:
        return body
    del members[WRITE_KEY]
    return msgspec.json.encode(members)


def _members(body: bytes) -> dict[str, msgspec.Raw] | None:
    # A quick look first: most beacons bring their key in the URL. An escaped name shows its backslashes.
    if WRITE_KEY.encode() not in body and b"\\u" not in body:
        return None
    try:
        return _object.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
