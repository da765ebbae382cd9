"""Making and recognising API keys."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from projects import origins
from projects.models import ApiKey, KeyKind, Project, Scope

CACHE_SECONDS = 30.0
CACHE_ENTRIES = 10_000
"""Unknown keys are cached too; the bound keeps a flood of random keys from filling memory."""

ALL_SCOPES = [scope.value for scope in Scope]
BROWSER_SCOPES = [Scope.INGEST.value]
BROWSER_RECORDS_PER_SECOND = 100


@dataclass(frozen=True, slots=True)
class KeyIdentity:
    """What a request may do: the project it belongs to, the scopes and the limits of its key.

    A key has a limit of requests or, in browsers, of records. Empty origins and event names mean any.
    """

    key_id: int
    project_id: int
    scopes: frozenset[str]
    rate_limit_per_second: int | None
    is_browser: bool = False
    record_limit_per_second: int | None = None
    allowed_origins: tuple[str, ...] = ()
    allowed_event_names: frozenset[str] = frozenset()


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
    """Store a new server key and return it with its text, which can't be read again later."""
    row = ApiKey(project=project, name=name, scopes=list(scopes), rate_limit_per_second=rate_limit_per_second)
    return row, save_new(row, key)


def create_browser_key(
    project: Project,
    name: str,
    *,
    record_limit_per_second: int = BROWSER_RECORDS_PER_SECOND,
    allowed_origins: Sequence[str] = (),
    allowed_event_names: Sequence[str] = (),
) -> tuple[ApiKey, str]:
    """Store a new browser key and return it with its text. Raises ValueError for what is no origin."""
    row = ApiKey(
        project=project,
        name=name,
        kind=KeyKind.BROWSER,
        record_limit_per_second=record_limit_per_second,
        allowed_origins=[origins.normalised(origin) for origin in allowed_origins],
        allowed_event_names=list(allowed_event_names),
    )
    return row, save_new(row)


def fit_to_kind(row: ApiKey) -> None:
    """Give a key what its kind has, and take away what only the other kind has."""
    if row.kind == KeyKind.BROWSER:
        row.scopes = BROWSER_SCOPES
        row.rate_limit_per_second = None
        row.record_limit_per_second = row.record_limit_per_second or BROWSER_RECORDS_PER_SECOND
    else:
        row.record_limit_per_second = None
        row.allowed_origins, row.allowed_event_names = [], []


def save_new(row: ApiKey, key: str | None = None) -> str:
    """Store a key for the first time, with the given text or one made here; returns the text."""
    text = key or f"tp_{secrets.token_urlsafe(32)}"
    fit_to_kind(row)
    row.prefix, row.key_hash = text[:8], hash_key(text)
    row.save(force_insert=True)
    forget(row)
    return text


def forget(row: ApiKey) -> None:
    """Look a key up anew after a change: here at once, in other processes when their cache entry ends."""
    _cache.pop(bytes(row.key_hash), None)


def revoke_key(row: ApiKey) -> None:
    """Stop accepting a key: here at once, in other processes when their cache entry ends."""
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])
    forget(row)


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
    identity = identity_of_key(row) if row else None
    if len(_cache) >= CACHE_ENTRIES:
        _cache.clear()
    _cache[digest] = (now + CACHE_SECONDS, identity)
    return identity


def identity_of_key(row: ApiKey) -> KeyIdentity:
    """What requests with this key may do."""
    return KeyIdentity(
        row.pk,
        row.project_id,
        frozenset(row.scopes),
        row.rate_limit_per_second,
        row.kind == KeyKind.BROWSER,
        row.record_limit_per_second,
        tuple(row.allowed_origins),
        frozenset(row.allowed_event_names),
    )


def forget_cached_keys() -> None:
    """Drop the cache; tests that roll the database back call it."""
    _cache.clear()
