"""Making and recognising API keys."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from projects.models import ApiKey, Project, Scope

CACHE_SECONDS = 30.0
CACHE_ENTRIES = 10_000
"""Unknown keys are cached too; the bound keeps a flood of random keys from filling memory."""

ALL_SCOPES = [scope.value for scope in Scope]


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """What a request may do: the project it belongs to and the scopes of its key."""

    key_id: int
    project_id: int
    scopes: frozenset[str]
    rate_limit_per_second: int | None


_cache: dict[bytes, tuple[float, KeyIdentity | None]] = {}


def hash_key(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def create_key(
    project: Project,
    name: str,
    scopes: Sequence[str],
    *,
    key: str | None = None,
    rate_limit_per_second: int | None = None,
) -> tuple[ApiKey, str]:
    """Store a new key and return it with its text, which can't be read again later."""
    text = key or f"tp_{secrets.token_urlsafe(32)}"
    row = ApiKey.objects.create(
        project=project,
        name=name,
        prefix=text[:8],
        key_hash=hash_key(text),
        scopes=list(scopes),
        rate_limit_per_second=rate_limit_per_second,
    )
    _cache.pop(hash_key(text), None)
    return row, text


def revoke_key(row: ApiKey) -> None:
    """Stop accepting a key: here at once, in other processes when their cache entry ends."""
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])
    _cache.pop(bytes(row.key_hash), None)


def identify(key: str) -> KeyIdentity | None:
    """The identity behind a key, or None. Answers, also negative ones, are cached for 30 s per process."""
    digest = hash_key(key)
    now = time.monotonic()
    cached = _cache.get(digest)
    if cached and cached[0] > now:
        return cached[1]
    row = ApiKey.objects.filter(key_hash=digest, revoked_at=None).first()
    if not connection.in_atomic_block:
        # Back to the pool of a web process: a client that sends its body slowly must not hold a connection meanwhile.
        connection.close_if_unusable_or_obsolete()
    identity = None
    if row:
        identity = KeyIdentity(row.pk, row.project_id, frozenset(row.scopes), row.rate_limit_per_second)
    if len(_cache) >= CACHE_ENTRIES:
        _cache.clear()
    _cache[digest] = (now + CACHE_SECONDS, identity)
    return identity


def forget_cached_keys() -> None:
    """Drop the cache; tests that roll the database back call it."""
    _cache.clear()
