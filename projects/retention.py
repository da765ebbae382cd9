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
RECHECK_SECONDS = 0.1
"""How old a policy may be that a record is refused by."""

FOR_EVER = 365_000
"""Days, where a policy says null: nothing is a thousand years old, and days can be compared and taken from a date."""

Days = Mapping[Kind, int]

_cache: dict[int, tuple[float, Days]] = {}


def default_days() -> Days:
    """Days kept by projects without a policy of their own."""
    return _days_of(RetentionPolicy())


def _days_of(policy: RetentionPolicy) -> Days:
    found: dict[Kind, int | None] = {kind: getattr(policy, f"{kind}_days") for kind in KINDS}
    return {kind: FOR_EVER if days is None else days for kind, days in found.items()}


def days_kept(project_id: int, kind: Kind, at_most_seconds_old: float = CACHE_SECONDS) -> int:
    """Days of retention, cached per process for 30 s or what is asked for: the ingest path asks once per request."""
    now = time.monotonic()
    cached = _cache.get(project_id)
    if not cached or cached[0] <= now - at_most_seconds_old:
        policy = RetentionPolicy.objects.filter(project_id=project_id).first()
        cached = (now, _days_of(policy or RetentionPolicy()))
        _cache[project_id] = cached
    return cached[1][kind]


def in_words(days: int) -> str:
    """For sentences: 90 days, or for ever."""
    return "for ever" if days >= FOR_EVER else f"{days} days"


def given_days() -> dict[int, Days]:
    """Days kept by the projects that have a policy of their own; all others keep the default."""
    return {policy.project_id: _days_of(policy) for policy in RetentionPolicy.objects.all()}


def forget_cached_policies() -> None:
    """Drop the cache: who changes a policy or rolls the database back calls it."""
    _cache.clear()
