"""What keeps a message from being written twice."""

from __future__ import annotations

from hashlib import blake2b

from alerting.models import Notification

_DIGEST_BYTES = 16
_LONGEST = Notification._meta.get_field("dedup_key").max_length or 0


def dedup_key(*parts: object) -> str:
    """One text for what is told to whom. Past the column's length its end gives way to a hash of the whole."""
    key = ":".join(str(part) for part in parts)
    if len(key) <= _LONGEST:
        return key
    digest = blake2b(key.encode(), digest_size=_DIGEST_BYTES).hexdigest()
    return f"{key[: _LONGEST - len(digest) - 1]}:{digest}"
