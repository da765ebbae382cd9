"""The tables that telemetry is written to, each registered once by the app that owns it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["append", "replace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How the writer, the partition keeper and the purge treat one physical table.

    `columns` is the order in which rows come as tuples. `key` is the unique key, all of it among the columns.
    `append`: a row whose key exists is a duplicate; where `compare` names columns and they differ (NaN by bits),
    it is rejected as a conflict. `replace`: a row whose key exists replaces it and counts up `revision`, unless
    the `compare` columns are equal, which makes it a duplicate.
    """

    name: str
    columns: tuple[str, ...]
    key: tuple[str, ...]
    retention: Literal["events", "metrics", "business", "traces"]
    time_column: str
    partitioned: bool = True
    mode: Mode = "append"
    compare: tuple[str, ...] = ()
    conflict_field: str = ""
    """The field of the request that a conflict is told about."""

    def position(self, column: str) -> int:
        return self.columns.index(column)

    @property
    def key_positions(self) -> tuple[int, ...]:
        return tuple(self.columns.index(column) for column in self.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTable:
    """Rows that others point at by a computed id (metric series): inserted once, never changed.

    The first column is the id, `fingerprint` the column that tells a true repetition from a hash collision.
    """

    name: str
    columns: tuple[str, ...]
    fingerprint: str


_tables: dict[str, Table] = {}


def register(table: Table) -> Table:
    _tables[table.name] = table
    return table


def tables() -> tuple[Table, ...]:
    """All registered tables, by name."""
    return tuple(_tables[name] for name in sorted(_tables))


def partitioned_tables() -> tuple[Table, ...]:
    return tuple(table for table in tables() if table.partitioned)
