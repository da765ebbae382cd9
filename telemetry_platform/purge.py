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
from projects.retention import KINDS, Kind, default_days, given_lives
from storage import partitions
from storage.partitions import Partition, start_of
from storage.registry import Table, tables
from telemetry_platform import audit

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Lives:
    """Days kept: of the projects that have a policy of their own, and of all others."""

    by_project: Mapping[int, int]
    others: int

    @property
    def longest(self) -> int:
        return max(self.others, *self.by_project.values(), 0)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that goes; `run` does it and returns a word on what it did."""

    text: str
    run: Callable[[], str]


def lives_of(kind: Kind, overrides: Mapping[Kind, int]) -> Lives:
    if kind in overrides:
        return Lives({}, overrides[kind])
    return Lives(given_lives(kind), default_days(kind))


def plan(now: datetime, overrides: Mapping[Kind, int] | None = None) -> list[Step]:
    """All that is expired at `now`. `overrides` are days by kind that count for every project this once."""
    lives = {kind: lives_of(kind, overrides or {}) for kind in KINDS}
    steps: list[Step] = []
    for table in tables():
        is_exact = table.retention in (overrides or {})
        steps += _steps_of_table(table, lives[table.retention], now, is_exact=is_exact)
    steps += [
        Step(
            f"resolved alerts {which}",
            _deletion(alerting_retention.delete_resolved, cutoff, projects, exclude),
        )
        for which, cutoff, projects, exclude in _cutoffs(lives["alerts"], now)
    ]
    audit_cutoff = now - timedelta(days=lives["audit"].longest)
    steps.append(
        Step(f"audit entries before {audit_cutoff:%Y-%m-%d %H:%M}", lambda: audit.delete_older(audit_cutoff))
    )
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
    if not table.partitioned:
        return [
            Step(f"{table.name} {which}", _rows(table.name, table, cutoff, projects, exclude))
            for which, cutoff, projects, exclude in _cutoffs(lives, now)
        ]
    steps: list[Step] = []
    drop_before = now - timedelta(days=lives.longest)
    for partition in partitions.partitions(table):
        ends_at = start_of(partition.day + timedelta(days=1))
        if ends_at <= drop_before:
            steps.append(Step(_describe(partition), _drop(partition)))
            continue
        for which, cutoff, projects, exclude in _cutoffs(lives, now):
            if cutoff > start_of(partition.day) and (is_exact or cutoff != drop_before):
                steps.append(
                    Step(f"{partition.name} {which}", _rows(partition.name, table, cutoff, projects, exclude))
                )
    return steps


def _cutoffs(lives: Lives, now: datetime) -> list[tuple[str, datetime, list[int], bool]]:
    """(words, cutoff, project ids, whether these are left out instead of meant), one per different life."""
    by_days: dict[int, list[int]] = {}
    for project_id, days in sorted(lives.by_project.items()):
        by_days.setdefault(days, []).append(project_id)
    found = [
        (
            _words(now - timedelta(days=days), f"of projects {projects}"),
            now - timedelta(days=days),
            projects,
            False,
        )
        for days, projects in sorted(by_days.items())
    ]
    cutoff = now - timedelta(days=lives.others)
    return [*found, (_words(cutoff, "of all other projects"), cutoff, sorted(lives.by_project), True)]


def _words(cutoff: datetime, whose: str) -> str:
    return f"before {cutoff:%Y-%m-%d %H:%M} {whose}"


def _describe(partition: Partition) -> str:
    rows = "rows unknown" if partition.estimated_rows < 0 else f"about {partition.estimated_rows:,} rows"
    return f"{partition.name} whole ({partition.size_bytes / 1e6:.1f} MB, {rows})"


def _drop(partition: Partition) -> Callable[[], str]:
    return lambda: "dropped" if partitions.drop(partition) else "kept for now: readers hold it"


def _rows(
    relation: str, table: Table, cutoff: datetime, projects: list[int], exclude: bool
) -> Callable[[], str]:
    condition = sql.SQL("{column} {operator}({projects})").format(
        column=sql.Identifier("project_id"),
        operator=sql.SQL("<> ALL" if exclude else "= ANY"),
        projects=sql.SQL("ARRAY[{}]::bigint[]").format(sql.SQL(", ").join(map(sql.Literal, projects))),
    )
    return lambda: f"{partitions.delete_older(relation, table.time_column, cutoff, condition):,} rows deleted"


def _deletion(
    delete: Callable[[datetime, list[int], bool], int], cutoff: datetime, projects: list[int], exclude: bool
) -> Callable[[], str]:
    return lambda: f"{delete(cutoff, projects, exclude):,} deleted"
