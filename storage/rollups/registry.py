"""The roll-ups that exist, each registered once by the signal that owns its raw table."""

from __future__ import annotations

from dataclasses import dataclass, field

from storage.registry import Table


@dataclass(frozen=True, slots=True)
class Tier:
    """One table of added-up rows, with `project_id` and `bucket` (the start of its minute, hour or day, in UTC).

    `fill` is an `INSERT INTO ... SELECT` that reads the rows meeting `{window}` and groups them by bucket; days read
    the hours, all others the raw table. Several rows may stand for one bucket: readers add them up. `{hour_before}`
    and `{end}` are the times an hour before the window and at its end, for rows that are compared with earlier ones.
    """

    table: Table
    fill: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollup:
    """How one raw table is added up.

    `sets` are tables that only ever gain rows, filled from the same raw rows. `more_hours` are made with `hours`, but
    an hour only when it is over: readers take the running one from raw rows. They may refer to rows of the sets.
    """

    raw: Table
    minutes: Tier
    hours: Tier
    days: Tier
    sets: tuple[Tier, ...] = field(default=())
    more_hours: tuple[Tier, ...] = field(default=())

    @property
    def tiers(self) -> tuple[Tier, ...]:
        return (self.minutes, self.hours, self.days, *self.more_hours, *self.sets)

    @property
    def name(self) -> str:
        """The raw table's name: the key of its watermark, its log entries and its frozen days."""
        return self.raw.name


_rollups: dict[str, Rollup] = {}


def register(rollup: Rollup) -> Rollup:
    _rollups[rollup.name] = rollup
    return rollup


def rollups() -> tuple[Rollup, ...]:
    """All registered roll-ups, by name of the raw table."""
    return tuple(_rollups[name] for name in sorted(_rollups))


def raw_of(tier_table: str) -> Table | None:
    """The raw table that a table of added-up rows was made from."""
    for rollup in _rollups.values():
        if tier_table in (tier.table.name for tier in rollup.tiers):
            return rollup.raw
    return None


def rollup_of(raw_table: str) -> Rollup | None:
    return _rollups.get(raw_table)
