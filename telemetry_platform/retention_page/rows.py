"""The tables of the page, and the days of the one that is looked into."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.safestring import SafeString

from projects import figures
from projects.retention import FOR_EVER, Kind, in_words
from storage.partitions import Partition, start_of
from storage.registry import Table
from storage.rollups.registry import rollups
from telemetry_platform.purge.lives import DAY, Lives, Policies, made_from
from telemetry_platform.retention_page.bars import Bars, bars_of
from telemetry_platform.retention_page.facts import Facts

KIND_WORDS: dict[Kind, str] = {
    "events": "Events",
    "metrics": "Metric points",
    "business": "Business metrics",
    "traces": "Spans",
    "rollup_minutes": "by minute",
    "rollup_hours": "by hour",
    "rollup_days": "by day",
}
DUE = "at the next purge"
NEVER = "never"
WITH_PROJECT = "as long as its project"
Moment = SafeString | str


@dataclass(frozen=True, slots=True)
class DayRow:
    """One partition. `share` is its part of the largest one's size, from 0 to 100."""

    name: str
    day: str
    size: str
    share: float
    rows: str
    oldest: Moment
    newest: Moment
    goes: Moment


@dataclass(frozen=True, slots=True)
class TableRow:
    """One table. `days` are None unless it is the one looked into."""

    name: str
    words: str
    is_rollup: bool
    size: str
    rows: str
    oldest: Moment
    newest: Moment
    kept: str
    next_what: str
    next_at: Moment
    bars: Bars | None
    days: list[DayRow] | None


def table_rows(facts: Facts, tables: Sequence[Table], opened: str, now: datetime) -> list[TableRow]:
    """Raw tables, each followed by its roll-ups from fine to coarse."""
    raw_kinds = made_from()
    order = [*KIND_WORDS, None]

    def place(table: Table) -> tuple[int, int, bool, str]:
        raw = raw_kinds.get(table.name, table.retention)
        return order.index(raw), order.index(table.retention), _is_of_its_own(table), table.words

    return [
        _partitioned_row(facts, table, table.name == opened, now)
        if table.partitioned
        else _plain_row(facts, table, now)
        for table in sorted(tables, key=place)
    ]


def _partitioned_row(facts: Facts, table: Table, is_open: bool, now: datetime) -> TableRow:
    lives = facts.policies.lives_of(table)
    days = facts.partitions[table.name]
    filled = [partition for partition in days if partition.estimated_rows > 0]
    goes = next_to_go(facts.policies, lives, days, now)
    return TableRow(
        name=table.name,
        words=_words(table),
        is_rollup=table.name in made_from(),
        size=figures.size(sum(partition.size_bytes for partition in days)),
        rows=_count(sum(partition.estimated_rows for partition in days)),
        oldest=f"{filled[0].day:%Y-%m-%d}" if filled else figures.NOTHING,
        newest=f"{filled[-1].day:%Y-%m-%d}" if filled else figures.NOTHING,
        kept=kept_words(facts.policies, lives),
        next_what=goes.what if goes else "",
        next_at=_moment(goes.at, now) if goes else figures.NOTHING,
        bars=bars_of(days),
        days=_day_rows(facts, days, lives, now) if is_open else None,
    )


@dataclass(frozen=True, slots=True)
class NextToGo:
    """What a purge takes next, and from when on."""

    at: datetime
    what: str


def next_to_go(policies: Policies, lives: Lives, days: Sequence[Partition], now: datetime) -> NextToGo | None:
    """The oldest partition, or before it the rows of projects with a shorter life; `days` come oldest first."""
    if not days:
        return None
    oldest = days[0]
    found = []
    if goes_at := lives.goes_at(oldest.day):
        found.append(NextToGo(goes_at, f"{oldest.day:%d %b %Y}, {figures.size(oldest.size_bytes)}"))
    for expiry in policies.expiries(lives, now):
        if expiry.cutoff <= now - DAY * lives.longest:
            # With the partition.
            continue
        day = next((partition.day for partition in days if partition.day >= expiry.cutoff.date()), None)
        if day is not None:
            goes_at = start_of(day) + DAY + (now - expiry.cutoff)
            found.append(NextToGo(goes_at, f"{day:%d %b %Y} of {expiry.whose}"))
    return min(found, key=lambda goes: goes.at, default=None)


def _plain_row(facts: Facts, table: Table, now: datetime) -> TableRow:
    """Rows go by whole days here too: the oldest one's day goes next."""
    lives = facts.policies.lives_of(table) if table.retention else None
    size = facts.plain_sizes.get(table.name)
    seen = facts.time_ranges.get(table.name)
    goes_at = lives.goes_at(seen.oldest.date()) if lives and seen else None
    return TableRow(
        name=table.name,
        words=_words(table),
        is_rollup=table.name in made_from(),
        size=figures.size(size.size_bytes if size else 0),
        rows=_count(size.estimated_rows if size else 0),
        oldest=f"{seen.oldest:%Y-%m-%d}" if seen else figures.NOTHING,
        newest=f"{seen.newest:%Y-%m-%d}" if seen else figures.NOTHING,
        kept=kept_words(facts.policies, lives) if lives else WITH_PROJECT,
        next_what=f"rows of {seen.oldest:%d %b %Y}" if goes_at and seen else "",
        next_at=_moment(goes_at, now) if goes_at else figures.NOTHING,
        bars=None,
        days=None,
    )


def _day_rows(facts: Facts, days: Sequence[Partition], lives: Lives, now: datetime) -> list[DayRow]:
    """Newest first, as people look for yesterday more often than for last summer."""
    largest = max((partition.size_bytes for partition in days), default=0) or 1
    rows = []
    for partition in reversed(days):
        seen = facts.time_ranges.get(partition.name)
        rows.append(
            DayRow(
                name=partition.name,
                day=f"{partition.day:%a %Y-%m-%d}",
                size=figures.size(partition.size_bytes),
                share=100 * partition.size_bytes / largest,
                rows=_count(partition.estimated_rows),
                oldest=_clock(seen.oldest) if seen else figures.NOTHING,
                newest=_clock(seen.newest) if seen else figures.NOTHING,
                goes=_moment(lives.goes_at(partition.day), now),
            )
        )
    return rows


def kept_words(policies: Policies, lives: Lives) -> str:
    """90 days; or who keeps how long where projects differ."""
    if not lives.by_project:
        return in_words(lives.others)
    named = [
        f"{policies.slugs.get(pk, pk)} {in_words(days) if days >= FOR_EVER else days}"
        for pk, days in lives.by_project.items()
    ]
    shown = ", ".join(named[:3]) + (f" and {len(named) - 3} more" if len(named) > 3 else "")
    return f"{shown}, others {in_words(lives.others)}"


def _is_of_its_own(table: Table) -> bool:
    """Whether it keeps something else than counts by minute, hour or day."""
    return any(table == tier.table for rollup in rollups() for tier in (*rollup.sets, *rollup.more_hours))


def _words(table: Table) -> str:
    if _is_of_its_own(table):
        return table.name.replace("_", " ").capitalize()
    if table.words or table.retention is None:
        return table.words or table.name
    raw = made_from().get(table.name)
    return f"{KIND_WORDS[raw]} {KIND_WORDS[table.retention]}" if raw else KIND_WORDS[table.retention]


def _count(rows: int) -> str:
    return figures.number(rows) if rows > 0 else "0"


def _clock(at: datetime) -> str:
    """By the reader's clock, with its date: a day of UTC is parts of two elsewhere."""
    return f"{timezone.localtime(at):%d %b %H:%M:%S}"


def _moment(at: datetime | None, now: datetime) -> Moment:
    if at is None:
        return NEVER
    return figures.age_html(at, now) if at > now else DUE
