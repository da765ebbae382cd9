"""Retention: what is older than its project keeps goes, whole partitions where all projects agree.

A plan is made first, so that `--dry-run` shows exactly what would happen. Running it twice, or after an interruption,
finds the rest and nothing else.
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from psycopg import sql

from alerting import retention as alerting_retention
from projects.models import Project
from projects.retention import KINDS, Kind, default_days, given_lives
from storage import partitions
from storage.partitions import Partition, start_of
from storage.registry import Table, tables
from telemetry_platform import audit

logger = logging.getLogger(__name__)

COUNT_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Lives:
    """Days kept: of the projects that have a policy of their own, and of all others."""

    by_project: Mapping[int, int]
    others: int

    @property
    def longest(self) -> int:
        return max(self.others, *self.by_project.values(), 0)


@dataclass(frozen=True, slots=True)
class Expiry:
    """Whose rows go, and from before when. `project_ids` are meant, or (`is_rest`) left out."""

    cutoff: datetime
    project_ids: list[int]
    is_rest: bool
    whose: str

    @property
    def text(self) -> str:
        return f"from before {self.cutoff:%Y-%m-%d %H:%M} UTC of {self.whose}"

    @property
    def condition(self) -> sql.Composable:
        return sql.SQL("{column} {operator}(ARRAY[{projects}]::bigint[])").format(
            column=sql.Identifier("project_id"),
            operator=sql.SQL("<> ALL" if self.is_rest else "= ANY"),
            projects=sql.SQL(", ").join(map(sql.Literal, self.project_ids)),
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that goes: in words, how many rows (at most 100,000 are counted), and the deed with a word on it."""

    text: str
    run: Callable[[], str]
    count: Callable[[], int]

    @property
    def preview(self) -> str:
        """What would go, in words; empty where there is nothing."""
        rows = self.count()
        return f"{self.text}: {rows:,}{'+' if rows >= COUNT_LIMIT else ''} rows" if rows else ""


def lives_of(kind: Kind, overrides: Mapping[Kind, int]) -> Lives:
    if kind in overrides:
        return Lives({}, overrides[kind])
    return Lives(given_lives(kind), default_days(kind))


def plan(now: datetime, overrides: Mapping[Kind, int] | None = None) -> list[Step]:
    """All that is expired at `now`. `overrides` are days by kind that count for every project this once."""
    given = overrides or {}
    lives = {kind: lives_of(kind, given) for kind in KINDS}
    steps: list[Step] = []
    for table in tables():
        is_exact = table.retention in given
        steps += _steps_of_table(table, lives[table.retention], now, is_exact=is_exact)
    steps += [_alerts_step(expiry) for expiry in _expiries(lives["alerts"], now)]
    steps.append(_audit_step(now - timedelta(days=lives["audit"].longest)))
    return steps


def run(steps: Iterable[Step], seconds: float = math.inf) -> None:
    """Do the steps; one that fails is logged and doesn't stop the others: the next run finds it again.

    After `seconds` no further step begins, so that a worker's child is free for other work; the next run goes on.
    """
    ends_at = time.monotonic() + seconds
    for step in steps:
        if time.monotonic() > ends_at:
            return
        try:
            logger.info("purge: %s: %s", step.text, step.run())
        except Exception:
            logger.exception("purge: %s failed", step.text)


def _steps_of_table(table: Table, lives: Lives, now: datetime, *, is_exact: bool) -> list[Step]:
    """Partitions that end before everybody's cutoff go whole, in others the rows of projects with a shorter life.

    The day that the longest life's cutoff falls into waits until it can go whole, unless the days were asked for
    by hand (`is_exact`).
    """
    expiries = _expiries(lives, now)
    if not table.partitioned:
        return [_rows_step(table.name, table, expiry) for expiry in expiries]
    steps: list[Step] = []
    drop_before = now - timedelta(days=lives.longest)
    for partition in partitions.partitions(table):
        if start_of(partition.day + timedelta(days=1)) <= drop_before:
            steps.append(_drop_step(partition))
            continue
        steps += [
            _rows_step(partition.name, table, expiry)
            for expiry in expiries
            if expiry.cutoff > start_of(partition.day) and (is_exact or expiry.cutoff != drop_before)
        ]
    return steps


def _expiries(lives: Lives, now: datetime) -> list[Expiry]:
    """One per different life: the projects with a policy, grouped by their days, then all others."""
    by_days: dict[int, list[int]] = {}
    for project_id, days in sorted(lives.by_project.items()):
        by_days.setdefault(days, []).append(project_id)
    slugs = dict(Project.objects.filter(pk__in=lives.by_project).values_list("pk", "slug"))
    found = [
        Expiry(now - timedelta(days=days), ids, False, ", ".join(slugs.get(pk, str(pk)) for pk in ids))
        for days, ids in sorted(by_days.items())
    ]
    rest = "projects without a policy of their own" if by_days else "all projects"
    return [*found, Expiry(now - timedelta(days=lives.others), sorted(lives.by_project), True, rest)]


def _drop_step(partition: Partition) -> Step:
    size = f"{partition.size_bytes / 1e6:.1f} MB"
    return Step(
        f"{partition.name}, the whole partition ({size})",
        lambda: "dropped" if partitions.drop(partition) else "kept for now: readers hold it",
        lambda: max(partition.estimated_rows, 1),
    )


def _rows_step(relation: str, table: Table, expiry: Expiry) -> Step:
    what = (relation, table.time_column, expiry.cutoff, expiry.condition)
    return Step(
        f"{relation} {expiry.text}",
        lambda: f"{partitions.delete_older(*what):,} rows deleted",
        lambda: partitions.count_older(*what, COUNT_LIMIT),
    )


def _alerts_step(expiry: Expiry) -> Step:
    what = (expiry.cutoff, expiry.project_ids, expiry.is_rest)
    return Step(
        f"resolved alerts {expiry.text}",
        lambda: f"{alerting_retention.delete_resolved(*what):,} deleted",
        alerting_retention.expired(*what)[:COUNT_LIMIT].count,
    )


def _audit_step(cutoff: datetime) -> Step:
    return Step(
        f"audit entries from before {cutoff:%Y-%m-%d %H:%M} UTC",
        lambda: f"{audit.delete_older(cutoff):,} deleted",
        audit.older(cutoff)[:COUNT_LIMIT].count,
    )
