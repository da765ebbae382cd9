"""How long each project keeps each kind of data."""

from __future__ import annotations

import time
from typing import Literal

from projects.models import RetentionPolicy

Kind = Literal["events", "metrics", "business", "traces", "rollups", "alerts", "audit"]

KINDS: tuple[Kind, ...] = ("events", "metrics", "business", "traces", "rollups", "alerts", "audit")
CACHE_SECONDS = 30.0

_cache: dict[int, tuple[float, dict[Kind, int]]] = {}


def default_days(kind: Kind) -> int:
    return _days_of(None)[kind]


def _days_of(policy: RetentionPolicy | None) -> dict[Kind, int]:
    source = policy or RetentionPolicy()
    return {kind: getattr(source, f"{kind}_days") for kind in KINDS}


def days_kept(project_id: int, kind: Kind) -> int:
    """Days of retention, cached for 30 s per process: the ingest path asks once per request."""
    now = time.monotonic()
    cached = _cache.get(project_id)
    if not cached or cached[0] <= now:
        policy = RetentionPolicy.objects.filter(project_id=project_id).first()
        cached = (now + CACHE_SECONDS, _days_of(policy))
        _cache[project_id] = cached
    days: int = cached[1][kind]
    return days


def given_lives(kind: Kind) -> dict[int, int]:
    """Days kept by the projects that have a policy of their own; all others keep the default."""
    return dict(RetentionPolicy.objects.values_list("project_id", f"{kind}_days"))


def forget_cached_policies() -> None:
    """Drop the cache; tests that roll the database back call it."""
    _cache.clear()
