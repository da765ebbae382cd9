"""What distributed relations hold on the nodes; the coordinator's own tables of that name are empty."""

from __future__ import annotations

import json
from typing import Any

import psycopg

from storage.distribution.obstacles import has_citus

Connection = psycopg.Connection[tuple[Any, ...]]

# Shards are called as their table, with the shard's number behind it.
_OF_SHARDS = r"""
    SELECT json_agg(json_build_array(name, size_bytes, rows)) FROM (
        SELECT regexp_replace(relname, '_\d+$', '') AS name,
               sum(pg_total_relation_size(oid)) AS size_bytes,
               sum(CASE WHEN reltuples >= 0 THEN reltuples ELSE pg_stat_get_live_tuples(oid) END)::bigint AS rows
        FROM pg_class WHERE relkind = 'r' AND relname ~ '_\d+$' GROUP BY 1
    ) AS shards
"""


def shard_sizes(connection: Connection) -> dict[str, tuple[int, int]]:
    """(bytes, estimated rows) by name of the distributed table or partition; empty where nothing is distributed.

    One question to each node; what a node that is down holds is left out.
    """
    if not has_citus(connection):
        return {}
    found: dict[str, tuple[int, int]] = {}
    answers = connection.execute("SELECT result FROM run_command_on_workers(%s) WHERE success", (_OF_SHARDS,))
    for (answer,) in answers.fetchall():
        for name, size_bytes, rows in json.loads(answer or "null") or ():
            seen_bytes, seen_rows = found.get(name, (0, 0))
            found[name] = seen_bytes + size_bytes, seen_rows + rows
    return found
