"""Much data in little time: rows made inside PostgreSQL, indexes built after them, then attached as a day."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import psycopg
from psycopg import sql

from benchmarks.events import TABLE
from storage.partitions import partition_name, start_of

_PARTS = 2

# Of the width and variety of `benchmarks.events`; spread evenly over the day's seconds [low, high).
EVENT_ROWS = """
    INSERT INTO {name} (project_id, event_timestamp, id, received_at, event_type, event_name, event_category,
                        user_id, session_id, source, duration_ms, tags, event_data)
    SELECT {project}, moment, gen_random_uuid(), moment, 'user_action', 'event_' || n % 10, 'shop',
           'user-' || n % 100000, 'session-' || n % 100000 || '-' || n % 10, 'web', (n * 7919) % 5000 / 10.0,
           '{{"env": "production", "region": "eu", "version": "4.2.1"}}',
           jsonb_build_object('product_id', 'sku-' || n % 5000, 'amount', n % 50000 / 100.0, 'currency', 'EUR',
                              'page', '/products/' || n % 5000,
                              'referrer', 'https://www.example.com/campaigns/autumn')
    FROM generate_series({first}::bigint, {last}::bigint) AS n,
         LATERAL (SELECT {start}::timestamptz + n * ({seconds} / {count}::float8) * interval '1 second' AS moment)
"""


def fill_day(
    url: str,
    name: str,
    project_id: int,
    day: date,
    count: int,
    *,
    until_hour: float = 24,
    vacuumed: bool = False,
    rows: str = EVENT_ROWS,
) -> None:
    """A table of `count` events of one day, indexed and analysed like a partition, attached to nothing.

    `rows` is the INSERT of those with the numbers {first} to {last} of {count}, in {seconds} from {start} on.
    `vacuumed`: as a day that has grown row by row; one made at once would be vacuumed while it is measured.
    """
    values = {
        "name": sql.Identifier(name),
        "project": sql.Literal(project_id),
        "start": sql.Literal(start_of(day)),
        "seconds": sql.Literal(until_hour * 3600),
        "count": sql.Literal(count),
    }
    _execute(
        url,
        sql.SQL("CREATE TABLE {name} (LIKE {parent} INCLUDING DEFAULTS)").format(
            name=values["name"], parent=sql.Identifier(TABLE.name)
        ),
    )
    bounds = [count * part // _PARTS for part in range(_PARTS + 1)]
    inserts = [
        sql.SQL(rows).format(**values, first=sql.Literal(low), last=sql.Literal(high - 1))
        for low, high in pairwise(bounds)
    ]
    _side_by_side(url, inserts)
    _side_by_side(url, _indexes(url, name))
    statement = "VACUUM (ANALYZE) {}" if vacuumed else "ANALYZE {}"
    _execute(url, sql.SQL(statement).format(values["name"]))


def _indexes(url: str, name: str) -> list[sql.SQL]:
    """The parent's own index definitions, for another table."""
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s", (TABLE.name,)
        ).fetchall()
    return [
        sql.SQL(
            definition.replace(f" ONLY public.{TABLE.name} ", f" public.{name} ").replace(
                f"INDEX {index} ", f"INDEX {name}_{number} "
            )
        )
        for number, (index, definition) in enumerate(found)
    ]


def attach(url: str, name: str, day: date) -> None:
    """Make a filled table the partition of its day, in place of the one that is there."""
    place = partition_name(TABLE.name, day)
    with psycopg.connect(url) as connection:
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(place)))
        connection.execute(
            sql.SQL("ALTER TABLE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(place))
        )
        attach_partition(connection, place, day)


def attach_partition(
    connection: psycopg.Connection[tuple[object, ...]], name: str, day: date, table: str = TABLE.name
) -> None:
    connection.execute(
        sql.SQL("ALTER TABLE {} ATTACH PARTITION {} FOR VALUES FROM ({}) TO ({})").format(
            sql.Identifier(table),
            sql.Identifier(name),
            sql.Literal(start_of(day)),
            sql.Literal(start_of(day + timedelta(days=1))),
        )
    )


def _execute(url: str, statement: sql.SQL | sql.Composed) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)


def _side_by_side(url: str, statements: Sequence[sql.SQL | sql.Composed]) -> None:
    with ThreadPoolExecutor(_PARTS) as threads:
        for future in [threads.submit(_execute, url, statement) for statement in statements]:
            future.result()


_POINTS = """
    INSERT INTO {name} (project_id, series_id, "timestamp", value, received_at)
    SELECT series.project_id, series.id, moment, 50 + 40 * sin(extract(epoch FROM moment) / 7000), moment
    FROM metric_series AS series, generate_series({start}::timestamptz, {start}::timestamptz + interval '1 day'
         - interval '1 minute', interval '1 minute') AS moment
    WHERE series.name = {metric}
"""


def fill_points(url: str, metric: str, days: int) -> None:
    """A point a minute for every series of a metric, on each of the days before today."""
    today = datetime.now(UTC).date()
    with ThreadPoolExecutor(_PARTS) as threads:
        filled = [
            threads.submit(_fill_points_of, url, metric, today - timedelta(days=age))
            for age in range(1, days + 1)
        ]
        for future in filled:
            future.result()


def _fill_points_of(url: str, metric: str, day: date) -> None:
    name = partition_name("metric_points", day)
    table = sql.Identifier(name)
    with psycopg.connect(url) as connection:
        connection.execute(
            sql.SQL("CREATE TABLE IF NOT EXISTS {} (LIKE metric_points INCLUDING ALL)").format(table)
        )
        connection.execute(
            sql.SQL(_POINTS).format(name=table, start=sql.Literal(start_of(day)), metric=sql.Literal(metric))
        )
        if not _is_attached(connection, name):
            attach_partition(connection, name, day, "metric_points")


def _is_attached(connection: psycopg.Connection[tuple[object, ...]], name: str) -> bool:
    found = connection.execute("SELECT 1 FROM pg_inherits WHERE inhrelid = %s::regclass", (name,))
    return found.fetchone() is not None
