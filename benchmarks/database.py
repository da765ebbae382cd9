"""The other side of ingest: psycopg alone, and what happens to tables between rounds."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
from psycopg import sql

from benchmarks.traffic import Traffic
from storage.copying import columns_sql


def empty_tables(url: str, *tables: str) -> None:
    """Nothing of the last round is left to write: no rows, no dirty pages."""
    with psycopg.connect(url, autocommit=True) as connection:
        for table in tables:
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(table)))
        connection.execute("CHECKPOINT")


def scalar(url: str, query: str) -> int:
    """The one number a query answers."""
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def first_project_id(url: str) -> int:
    """The project that the platform's first key belongs to."""
    return scalar(url, "SELECT min(project_id) FROM projects_apikey")


def prepare_copy(
    url: str, traffic: Traffic, seed: int, batch_count: int, batch_size: int
) -> Callable[[], int]:
    """A job (see benchmarks.jobs): ready tuples into the table, one transaction per batch."""
    rows = traffic.make_rows(seed, batch_count * batch_size, first_project_id(url))
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(traffic.table.name), columns_sql(traffic.table.columns)
    )
    connection = psycopg.connect(url)

    def copy_all() -> int:
        for start in range(0, len(rows), batch_size):
            with connection.transaction(), connection.cursor().copy(statement) as copy:
                for row in rows[start : start + batch_size]:
                    copy.write_row(row)
        return len(rows)

    return copy_all
