"""The test database on a Citus coordinator: made on every node and distributed.

The database that TEST_DATABASE_URL names knows the nodes; each test database gets the same ones.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

import psycopg
from django.db import connections
from psycopg import sql
from psycopg.conninfo import make_conninfo

from storage.connections import connect
from storage.distribution.placements import placements
from storage.distribution.steps import distribute

SHARDS = 4
"""Two per worker of a small cluster: each day partition of each table is as many tables again."""


@dataclass(frozen=True, slots=True)
class Node:
    host: str
    port: int
    is_coordinator: bool


def nodes() -> list[Node]:
    """The nodes of the cluster; none where the server isn't a Citus coordinator."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as given:
        if not given.execute("SELECT FROM pg_extension WHERE extname = 'citus'").fetchall():
            return []
        rows = given.execute("SELECT nodename, nodeport, groupid = 0 FROM pg_dist_node ORDER BY groupid")
        return [Node(*row) for row in rows]


def drop_leftovers() -> None:
    """Drop the test database of a run that was killed: Citus' own sessions in it outlive that run."""
    settings = connections["default"].settings_dict
    for node in nodes():
        drop_database(node, settings["TEST"]["NAME"] or f"test_{settings['NAME']}")


def distribute_test_database() -> None:
    """Make the migrated test database a distributed one; nothing happens on a plain PostgreSQL."""
    cluster = nodes()
    if not cluster:
        return
    name = connections["default"].settings_dict["NAME"]
    for node in workers(cluster):
        with session(node) as worker:
            worker.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
        with session(node, name) as worker:
            worker.execute("CREATE EXTENSION citus")
    with connect() as coordinator:
        coordinator.execute("CREATE EXTENSION citus")
        for node in cluster:
            function = "citus_set_coordinator_host" if node.is_coordinator else "citus_add_node"
            coordinator.execute(
                sql.SQL("SELECT {}(%s, %s)").format(sql.Identifier(function)), (node.host, node.port)
            )
        distribute(coordinator, placements(), SHARDS, lambda line: None)


def drop_worker_databases() -> None:
    """Drop the test database on the workers; the coordinator's is dropped by Django.

    The workers' own sessions on the coordinator are ended, because Django can't drop it under them.
    """
    cluster = nodes()
    for node in workers(cluster):
        drop_database(node, connections["default"].settings_dict["NAME"])
    if cluster:
        with connect() as coordinator:
            coordinator.execute(
                "SELECT pg_terminate_backend(pid::int) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )


def workers(cluster: list[Node]) -> Iterator[Node]:
    return (node for node in cluster if not node.is_coordinator)


def drop_database(node: Node, name: str) -> None:
    with session(node) as worker:
        worker.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def session(node: Node, database: str | None = None) -> psycopg.Connection[tuple[object, ...]]:
    """A connection to a node as the user of the tests; without a database, to the one the tests were given."""
    given = {"dbname": database} if database else {}
    conninfo = make_conninfo(os.environ["DATABASE_URL"], host=node.host, port=node.port, **given)
    return psycopg.connect(conninfo, autocommit=True)
