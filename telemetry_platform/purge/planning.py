"""What a purge would do at a moment, as steps: `--dry-run`, the admin page and the purge itself share them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from alerting import retention as alerting_retention
from projects.retention import FOR_EVER, Kind
from storage import leftovers, partitions, purging
from storage.partitions import Partition, start_of
from storage.purging import Expired, Removed
from storage.registry import Table, tables
from telemetry_platform import audit
from telemetry_platform.purge import lives
from telemetry_platform.purge.leaving import existing, tables_of_projects
from telemetry_platform.purge.lives import DAY, Expiry, Lives, Policies

COUNT_LIMIT = 100_000


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that goes: in words, how many rows (at most 100,000 are counted), and the deed.

    `done` says in words what the deed removed; empty where that was nothing.
    """

    text: str
    run: Callable[[], str]
    count: Callable[[], int]

    @property
    def preview(self) -> str:
        """What would go, in words; empty where there is nothing."""
        rows = self.count()
        return f"{self.text}: {rows:,}{'+' if rows >= COUNT_LIMIT else ''} rows" if rows else ""


def plan(now: datetime, by_hand: Mapping[Kind, int] | None = None) -> list[Step]:
    """All that has expired at `now`, raw data before the roll-ups made from it."""
    policies = lives.load(by_hand)
    made_from = lives.made_from()
    steps: list[Step] = []
    expiring = [table for table in tables() if table.retention]
    for table in sorted(expiring, key=lambda table: (table.name in made_from, table.name)):
        steps += _table_steps(table, policies, now)
    steps += [_alerts_step(expiry) for expiry in policies.expiries(policies.lives("alerts"), now)]
    if (audit_days := policies.lives("audit").longest) < FOR_EVER:
        steps.append(_audit_step(now - DAY * audit_days))
    # Where there is no project at all, a backup is being loaded.
    return [*steps, _leftovers_step()] if policies.slugs else steps


def first_kept_day(table_lives: Lives, now: datetime) -> datetime:
    """The start of the oldest day that somebody still keeps a part of; earlier partitions go whole."""
    return _floor_day(now - DAY * table_lives.longest)


def _table_steps(table: Table, policies: Policies, now: datetime) -> list[Step]:
    """Partitions that everybody's life has left go whole, before them rows of projects with a shorter life.

    Rows go by whole days in UTC, as partitions do; only days that were asked for by hand count to the second.
    """
    table_lives = policies.lives_of(table)
    expiries = policies.expiries(table_lives, now)
    is_exact = table.retention in policies.by_hand
    first_kept = first_kept_day(table_lives, now) if table.partitioned else None
    steps = []
    if table.partitioned:
        steps += [
            _drop_step(table, partition)
            for partition in partitions.partitions(table)
            if (goes_at := table_lives.goes_at(partition.day)) and goes_at <= now
        ]
    for expiry in expiries:
        end = expiry.cutoff if is_exact else _floor_day(expiry.cutoff)
        if first_kept is None or end > first_kept:
            steps.append(_rows_step(Expired(table, first_kept, end, expiry.project_ids), expiry.whose))
    return steps


def _drop_step(table: Table, partition: Partition) -> Step:
    text = f"{partition.name}, the whole partition ({partition.size_bytes / 1e6:.1f} MB)"

    def run() -> str:
        removed = purging.drop(table, partition)
        return removed.left or ("dropped" if removed.count else "")

    return Step(text, run, lambda: max(partition.estimated_rows, 1))


def _rows_step(expired: Expired, whose: str) -> Step:
    return Step(
        f"{expired.table.name} {Expiry(expired.end, [], whose).text}",
        lambda: _words(purging.delete(expired)),
        lambda: purging.count(expired, COUNT_LIMIT),
    )


def _alerts_step(expiry: Expiry) -> Step:
    what = (expiry.cutoff, expiry.project_ids, False)
    return Step(
        f"resolved alerts {expiry.text}",
        lambda: _words(Removed(alerting_retention.delete_resolved(*what))),
        alerting_retention.expired(*what)[:COUNT_LIMIT].count,
    )


def _audit_step(cutoff: datetime) -> Step:
    return Step(
        f"audit entries from before {cutoff:%Y-%m-%d %H:%M} UTC",
        lambda: _words(Removed(audit.delete_older(cutoff))),
        audit.older(cutoff)[:COUNT_LIMIT].count,
    )


def _leftovers_step() -> Step:
    return Step(
        "rows of deleted projects",
        lambda: _words(leftovers.delete(tables_of_projects(), existing)),
        lambda: leftovers.count(tables_of_projects(), existing, COUNT_LIMIT),
    )


def _words(removed: Removed) -> str:
    """Empty where nothing was there."""
    deleted = f"{removed.count:,} rows deleted" if removed.count else ""
    return ", ".join(part for part in (deleted, removed.left) if part)


def _floor_day(moment: datetime) -> datetime:
    return start_of(moment.astimezone(UTC).date())
