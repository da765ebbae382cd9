"""The events of a store in DuckDB, on a table and file of its own."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import psycopg

from benchmarks.benchmark import Bench
from benchmarks.store import Store

if TYPE_CHECKING:
    import duckdb

MISSING = "duckdb has no package for this system"


def copy_events(
    bench: Bench, store: Store, name: str, columns: str, since: datetime
) -> duckdb.DuckDBPyConnection | None:
    """A file of this name with `telemetry_events`, these columns of its rows from `since` on.

    None where DuckDB can't be installed.
    """
    try:
        import duckdb
    except ImportError:
        return None
    bench.progress.say("copying the events into DuckDB")
    csv = bench.folder / f"{name}.csv"
    rows = f"SELECT {columns} FROM telemetry_events WHERE event_timestamp >= '{since.isoformat()}'"
    with (
        csv.open("wb") as file,
        psycopg.connect(store.platform.database_url) as connection,
        connection.cursor().copy(f"COPY ({rows}) TO STDOUT (FORMAT csv, HEADER)".encode()) as copy,
    ):
        for data in copy:
            file.write(data)
    database = bench.stack.enter_context(duckdb.connect(str(bench.folder / f"{name}.duckdb")))
    database.execute(f"CREATE TABLE telemetry_events AS SELECT * FROM read_csv('{csv}')")
    csv.unlink()
    return database
