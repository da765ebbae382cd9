"""What stands in the way of distributing: each obstacle one line that names the thing and what to do about it.

What the schema itself could do wrong is found without Citus (`in_schema`), so the test suite holds it on any server.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from storage.distribution.placements import Placement

OLDEST_POSTGRES = 150000

Connection = psycopg.Connection[tuple[Any, ...]]

# The planned tables with their partitions, each with the column it is distributed by. Takes two arrays.
_RELATIONS = """
    WITH planned AS (
        SELECT name::regclass::oid AS oid, "column" FROM unnest(%s::text[], %s::text[]) AS given (name, "column")
    ), relations AS (
        SELECT oid, "column" FROM planned
        UNION ALL
        SELECT inhrelid, "column" FROM pg_inherits JOIN planned ON inhparent = planned.oid
    )
"""

# A primary key is widened by the column when the table is distributed; any other unique key must hold it already.
_UNIQUE_KEYS = f"""{_RELATIONS}
    SELECT indexrelid::regclass::text, relations."column", indrelid::regclass::text
    FROM pg_index JOIN relations ON indrelid = relations.oid
    WHERE (indisunique OR indisexclusion) AND NOT indisprimary AND NOT EXISTS (
        SELECT FROM pg_attribute
        WHERE attrelid = indrelid AND attname = relations."column" AND attnum = ANY(indkey[0:indnkeyatts - 1])
    )
    ORDER BY 1
"""
_FOREIGN_KEYS = f"""{_RELATIONS}
    SELECT conname, conrelid::regclass::text, confrelid::regclass::text FROM pg_constraint
    WHERE contype = 'f' AND conparentid = 0
      AND (conrelid IN (SELECT oid FROM relations) OR confrelid IN (SELECT oid FROM relations))
    ORDER BY 1
"""
_TRIGGERS = f"""{_RELATIONS}
    SELECT tgname, tgrelid::regclass::text FROM pg_trigger JOIN relations ON tgrelid = relations.oid
    WHERE NOT tgisinternal ORDER BY 1
"""
_COLUMNS = f"""{_RELATIONS}
    SELECT planned.oid::regclass::text, planned."column", attname IS NOT NULL, attgenerated <> '', attnotnull
    FROM planned LEFT JOIN pg_attribute ON attrelid = planned.oid AND attname = planned."column" AND NOT attisdropped
    ORDER BY 1
"""
_IDENTITIES = f"""{_RELATIONS}
    SELECT attname, attrelid::regclass::text FROM pg_attribute JOIN planned ON attrelid = planned.oid
    WHERE attidentity <> '' AND atttypid <> 'bigint'::regtype ORDER BY 1
"""
_OWNERS = f"""{_RELATIONS}
    SELECT relname, pg_get_userbyid(relowner), current_user FROM pg_class JOIN relations USING (oid)
    WHERE NOT pg_has_role(relowner, 'USAGE') ORDER BY 1
"""
_ELSEWHERE = """
    SELECT table_name::text, distribution_column, planned."column"
    FROM citus_tables
    JOIN unnest(%s::text[], %s::text[]) AS planned (name, "column") ON table_name = planned.name::regclass
    WHERE distribution_column <> planned."column" ORDER BY 1
"""


def obstacles(connection: Connection, placements: Sequence[Placement]) -> list[str]:
    """All that has to be mended by hand before `distribute` can begin or go on; empty when nothing has."""
    found = _of_server(connection)
    missing = missing_tables(connection, placements)
    if missing:
        return [*found, f"tables are missing ({', '.join(missing)}): run `manage.py migrate`"]
    found += in_schema(connection, placements)
    if has_citus(connection):
        found += _of_cluster(connection, placements)
    return found


def in_schema(connection: Connection, placements: Sequence[Placement]) -> list[str]:
    """What in the tables themselves Citus would refuse; all of them must exist."""
    given = _arrays(placements)
    found = [
        f"{index} on {table} is unique without {column}: drop it, or add {column} to it"
        for index, column, table in connection.execute(_UNIQUE_KEYS, given)
    ]
    found += [
        f"foreign key {name} from {source} to {target}: drop it, a distributed table can't keep one"
        for name, source, target in connection.execute(_FOREIGN_KEYS, given)
    ]
    found += [
        f"trigger {name} on {table}: drop it, a distributed table can't have one"
        for name, table in connection.execute(_TRIGGERS, given)
    ]
    for table, column, exists, is_generated, is_required in connection.execute(_COLUMNS, given):
        if not exists:
            found.append(f"{table} has no column {column}: run `manage.py migrate`")
        elif is_generated:
            found.append(f"{table}.{column} is a generated column: rows can't be distributed by it")
        elif not is_required:
            found.append(f"{table}.{column} may be null: rows without it have no place")
    found += [
        f"{table}.{column} is an identity column narrower than bigint: make it a bigint"
        for column, table in connection.execute(_IDENTITIES, given)
    ]
    found += [
        f"{table} belongs to {owner}, not to {user}: run this as {owner} or a superuser"
        for table, owner, user in connection.execute(_OWNERS, given)
    ]
    return found


def has_citus(connection: Connection) -> bool:
    """Whether the extension is made in this database."""
    return _exists(connection, "SELECT FROM pg_extension WHERE extname = 'citus'")


def missing_tables(connection: Connection, placements: Sequence[Placement]) -> list[str]:
    names = [placement.table for placement in placements]
    query = "SELECT name FROM unnest(%s::text[]) AS name WHERE to_regclass(name) IS NULL"
    return [row[0] for row in connection.execute(query, (names,))]


def _of_server(connection: Connection) -> list[str]:
    version = connection.info.server_version
    if version < OLDEST_POSTGRES:
        return [f"PostgreSQL {version // 10000} is too old: 15 or newer is needed"]
    if has_citus(connection):
        return []
    if not _exists(connection, "SELECT FROM pg_available_extensions WHERE name = 'citus'"):
        return [
            "the extension citus is not installed on this server: install Citus 13 on every node, set "
            "shared_preload_libraries = 'citus' and restart them (see docs/citus.md)"
        ]
    return [
        "the extension citus is not in this database: as a superuser, run CREATE EXTENSION citus in it, on every node"
    ]


def _of_cluster(connection: Connection, placements: Sequence[Placement]) -> list[str]:
    if _exists(connection, "SELECT FROM pg_dist_local_group WHERE groupid <> 0"):
        return ["this node is a worker: run this on the coordinator"]
    found = [
        f"node {name}:{port} is not active: run SELECT citus_activate_node('{name}', {port})"
        for name, port in connection.execute(
            "SELECT nodename, nodeport FROM pg_dist_node WHERE noderole = 'primary' AND NOT isactive ORDER BY 1, 2"
        )
    ]
    if not _exists(
        connection, "SELECT FROM pg_dist_node WHERE noderole = 'primary' AND isactive AND shouldhaveshards"
    ):
        found.append("no node may hold rows: run SELECT citus_add_node('<host>', <port>) for each worker")
    found += [
        f"{table} is distributed by {column} already, not by {planned}: run "
        f"SELECT alter_distributed_table('{table}', distribution_column := '{planned}')"
        for table, column, planned in connection.execute(_ELSEWHERE, _arrays(placements))
    ]
    return found


def _arrays(placements: Sequence[Placement]) -> tuple[list[str], list[str]]:
    return [placement.table for placement in placements], [placement.column for placement in placements]


def _exists(connection: Connection, query: str) -> bool:
    row = connection.execute(f"SELECT EXISTS ({query})".encode()).fetchone()
    return bool(row and row[0])
