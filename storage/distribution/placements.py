"""Which tables are distributed, by what, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from storage.registry import Sharding, reference_tables, tables


@dataclass(frozen=True, slots=True)
class Placement:
    """One table that `manage.py distribute` spreads."""

    table: str
    sharding: Sharding

    @property
    def column(self) -> str:
        return self.sharding.column


def placements() -> list[Placement]:
    """Every registered table with a sharding, each behind the one that it lies beside."""
    found = [Placement(table.name, table.sharding) for table in reference_tables()]
    found += [Placement(table.name, table.sharding) for table in tables() if table.sharding]
    return sorted(found, key=lambda placement: bool(placement.sharding.beside))
