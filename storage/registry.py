"""The tables that telemetry is written to, each registered once by the app that owns it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["append", "replace"]
Retention = Literal[
    "events", "metrics", "business", "traces", "rollup_minutes", "rollup_hours", "rollup_days"
]
"""Which of a project's lives counts for a table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sharding:
    """How `manage.py distribute` spreads a table: a row goes to the machine that the hash of its `column` names."""

    column: str
    beside: str = ""
    """The table whose rows of the same value share the machine, so that a join of the two stays inside it."""
    filled_by: str = ""
    """SQL that gives `column` for rows stored before it existed; they have ''."""


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
    retention: Retention | None
    """None: its rows live as long as their project."""
    time_column: str
    partitioned: bool = True
    mode: Mode = "append"
    compare: tuple[str, ...] = ()
    conflict_field: str = ""
    """The field of the request that a conflict is told about."""

    time_field: str = "timestamp"
    """The field of a request's record that holds `time_column`."""
    sharding: Sharding | None = None
    """None: the table stays whole on one machine."""
    beside: bool = False
    """Rows that come beside the records of a request: they aren't counted."""
    expects_repeats: bool = False
    """Most rows are stored already, so the straight road would only lead to a unique violation."""
    words: str = ""
    """What people call its rows, where that isn't what they call the retention."""

    def position(self, column: str) -> int:
        return self.columns.index(column)

    @property
    def key_positions(self) -> tuple[int, ...]:
        return tuple(self.columns.index(column) for column in self.key)

    @property
    def wide_key(self) -> tuple[str, ...]:
        """The key and the column it is sharded by, which every unique key of a distributed table must hold."""
        if not self.sharding or self.sharding.column in self.key:
            return self.key
        return (*self.key, self.sharding.column)

    @property
    def wide_key_positions(self) -> tuple[int, ...]:
        return tuple(self.columns.index(column) for column in self.wide_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTable:
    """Rows that others point at by a computed id (metric series): inserted once, never changed.

    The first column is the id, `fingerprint` the column that tells a true repetition from a hash collision.
    Distributed by its id, with what points at it beside.
    """

    name: str
    columns: tuple[str, ...]
    fingerprint: str

    @property
    def sharding(self) -> Sharding:
        return Sharding(column=self.columns[0])


_tables: dict[str, Table] = {}
_reference_tables: dict[str, ReferenceTable] = {}


def register(table: Table) -> Table:
    _tables[table.name] = table
    return table


def rollup_table(name: str, tier: Literal["minutes", "hours", "days"]) -> Table:
    """A registered table of added-up rows: no writer fills it, so it names no columns. Minutes have day partitions."""
    retention: dict[str, Retention] = {
        "minutes": "rollup_minutes",
        "hours": "rollup_hours",
        "days": "rollup_days",
    }
    return register(
        Table(
            name=name,
            columns=(),
            key=(),
            retention=retention[tier],
            time_column="bucket",
            partitioned=tier == "minutes",
        )
    )


def register_references(table: ReferenceTable) -> ReferenceTable:
    _reference_tables[table.name] = table
    return table


def tables() -> tuple[Table, ...]:
    """All registered tables, by name."""
    return tuple(_tables[name] for name in sorted(_tables))


def partitioned_tables() -> tuple[Table, ...]:
    return tuple(table for table in tables() if table.partitioned)


def reference_tables() -> tuple[ReferenceTable, ...]:
    return tuple(_reference_tables[name] for name in sorted(_reference_tables))
