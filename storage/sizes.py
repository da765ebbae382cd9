"""What tables hold, from the server's statistics: sizes, rows, oldest and newest. Nothing is counted or scanned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import psycopg

from storage.distribution.sizes import shard_sizes

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True)
class TableSize:
    """A table without partitions, with its indexes and long values."""

    size_bytes: int
    estimated_rows: int


@dataclass(frozen=True, slots=True)
class TimeRange:
    """Oldest and newest time (UTC) of a relation's rows when it was last analysed, as far as the sample saw."""

    oldest: datetime
    newest: datetime


def plain_sizes(connection: Connection, names: Sequence[str]) -> dict[str, TableSize]:
    """Sizes of tables without partitions, by name."""
    query = """
        SELECT relname, pg_total_relation_size(oid),
               CASE WHEN reltuples >= 0 THEN reltuples::bigint ELSE pg_stat_get_live_tuples(oid) END
        FROM pg_class WHERE relname = ANY(%s) AND relkind = 'r' AND pg_table_is_visible(oid)
    """
    on_nodes = shard_sizes(connection)
    return {
        name: TableSize(*on_nodes.get(name, (size_bytes, rows)))
        for name, size_bytes, rows in connection.execute(query, (list(names),))
    }


def time_ranges(connection: Connection, columns: Mapping[str, str]) -> dict[str, TimeRange]:
    """By relation; `columns` names the timestamp column of each. Those never analysed are left out."""
    # Materialised: else values of other columns might be read as times before they are sorted out.
    query = """
        WITH known AS MATERIALIZED (
            SELECT tablename, histogram_bounds::text::text[] AS bounds, most_common_vals::text::text[] AS common
            FROM pg_stats
            JOIN unnest(%s::text[], %s::text[]) AS wanted (relation, name) ON relation = tablename AND name = attname
            WHERE schemaname = current_schema()
        )
        SELECT tablename,
               least(bounds[1]::timestamptz, (SELECT min(value::timestamptz) FROM unnest(common) AS value)),
               greatest(bounds[cardinality(bounds)]::timestamptz,
                        (SELECT max(value::timestamptz) FROM unnest(common) AS value))
        FROM known
    """
    rows = connection.execute(query, (list(columns), list(columns.values())))
    return {
        name: TimeRange(low.astimezone(UTC), high.astimezone(UTC))
        for name, low, high in rows
        if low is not None
    }


def database_bytes(connection: Connection) -> int:
    """The whole database on disk, without its write-ahead log."""
    row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
    return int(row[0]) if row else 0
