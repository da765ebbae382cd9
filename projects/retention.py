"""How long each project keeps each kind of data."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Literal

from projects.models import RetentionPolicy

RawKind = Literal["events", "metrics", "business", "traces"]
TierKind = Literal["rollup_minutes", "rollup_hours", "rollup_days"]
Kind = Literal[RawKind, TierKind, "alerts", "audit"]

KINDS: tuple[Kind, ...] = (
    "events",
    "metrics",
    "business",
    "traces",
    "rollup_minutes",
    "rollup_hours",
    "rollup_days",
    "alerts",
    "audit",
)
CACHE_SECONDS = 30.0

Days = Mapping[Kind, int]

_cache: dict[int, tuple[float, Days]] = {}


def default_days() -> Days:
    """Days kept by projects without a policy of their own."""
    return _days_of(RetentionPolicy())


def _days_of(policy: RetentionPolicy) -> Days:
    return {kind: getattr(policy, f"{kind}_days") for kind in KINDS}


def days_kept(project_id: int, kind: Kind) -> int:
    """Days of retention, cached for 30 s per process: the ingest path asks once per request."""
    now = time.monotonic()
    cached = _cache.get(project_id)
    if not cached or cached[0] <= now:
        policy = RetentionPolicy.objects.filter(project_id=project_id).first()
        cached = (now + CACHE_SECONDS, _days_of(policy or RetentionPolicy()))
        _cache[project_id] = cached
    return cached[1][kind]


def given_days() -> dict[int, Days]:
    """Days kept by the projects that have a policy of their own; all others keep the default."""
    return {policy.project_id: _days_of(policy) for policy in RetentionPolicy.objects.all()}


def forget_cached_policies() -> None:
    """Drop the cache; tests that roll the database back call it."""
    _cache.clear()
