"""Metric points added up by series and minute, hour or day.

A raw point is read as a roll-up row of one point (`RAW`), so that filling a tier, merging hours to days and reading
the raw tail are all the same sum of rows. What counts is what counts for rules: stale markers don't, NaN doesn't, a
distribution counts as all it holds, a cumulative one as what it adds to the one before (`metrics.increments`).
"""

from __future__ import annotations

from typing import Literal

from metrics.distribution import code_of_sql
from metrics.increments import DELTA, bounded, increments
from metrics.records import POINTS
from storage.log_buckets import code_sql, percentile_sql
from storage.registry import rollup_table
from storage.rollups.registry import Rollup, Tier, register

UNKNOWN_MIN, UNKNOWN_MAX = "'-Infinity'::float8", "'Infinity'::float8"
"""Of distributions whose extremes nobody sent, or that are a difference: no bound for their percentiles either."""

GIVEN = ("percentile_50", "percentile_90", "percentile_95", "percentile_99")


def _buckets(column: Literal["code", "weight"]) -> str:
    """The buckets of a raw point as one of the two arrays, from the names of `metrics.distribution` or the value."""
    bucketed, plain = {
        "code": (code_of_sql("key"), f"ARRAY[{code_sql('value')}]"),
        "weight": ("bucket.value::bigint", "ARRAY[1::bigint]"),
    }[column]
    # A value beside given percentiles is the mean of much that isn't known: it has no place in a distribution.
    return (
        f"CASE WHEN buckets IS NOT NULL THEN ARRAY(SELECT {bucketed} FROM jsonb_each_text(buckets) AS bucket) "
        f"WHEN abs(value) < 'Infinity' AND coalesce({', '.join(GIVEN)}) IS NULL THEN {plain} END"
    )


def _extreme(column: str, unknown: str) -> str:
    known = f"CASE WHEN count > 0 THEN coalesce(nullif({column}, 'NaN'), {unknown}) END"
    return f"CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE {known} END"


_NUMBER = "value <> 'NaN'"
_PLAIN = f"count IS NULL AND {_NUMBER} AND temporality IS DISTINCT FROM {DELTA}"
_DELTA = f"count IS NULL AND {_NUMBER} AND temporality = {DELTA}"
_TIME = '"timestamp"'

RAW: dict[str, str] = {
    "point_count": "CASE WHEN stale THEN 0 ELSE 1 END",
    "count": f"coalesce(count, CASE WHEN {_NUMBER} THEN 1 ELSE 0 END)",
    "sum": bounded(
        "coalesce(CASE WHEN count IS NULL THEN nullif(value, 'NaN') "
        f"ELSE coalesce(nullif(sum, 'NaN'), nullif({bounded('value')}, 'NaN') * count) END, 0)"
    ),
    "min": _extreme("min", UNKNOWN_MIN),
    "max": _extreme("max", UNKNOWN_MAX),
    "first_value": f"CASE WHEN {_PLAIN} THEN {bounded('value')} END",
    "first_at": f"CASE WHEN {_PLAIN} THEN {_TIME} END",
    "final_value": f"CASE WHEN {_PLAIN} THEN {bounded('value')} END",
    "last_value": "nullif(value, 'NaN')",
    "last_at": f"CASE WHEN {_NUMBER} THEN {_TIME} END",
    "increase": f"CASE WHEN {_DELTA} THEN {bounded('value')} ELSE coalesce(count, 0)::float8 END",
    "codes": _buckets("code"),
    "counts": _buckets("weight"),
    **{given: f"CASE WHEN buckets IS NULL THEN nullif({given}, 'NaN') END" for given in GIVEN},
}
"""Column of a roll-up -> SQL for it from a raw point that isn't a stale marker (`point_count` 1).

`first_value` and `final_value` are the first and last plain values, of which `increase` is the way between, a fall
being a counter that began again at 0; the observations of distributions and the values of delta counters add to it.
`last_value` is the newest value of any kind. `min` and `max` are infinite where they aren't known. `codes` and `counts`
are the distribution as in `storage.log_buckets`.
"""

BUCKETED = (
    "unnest(array_prepend(NULL::int, codes)) AS code, unnest(array_prepend(NULL::bigint, counts)) AS weight"
)
"""In a select list: each roll-up row once with the code NULL, which stands for the row itself, then once for each of
its buckets. (As a join it takes twice the time.)"""


def raw_columns(*names: str) -> str:
    return ", ".join(f"{RAW[name]} AS {name}" for name in names)


def total_sql(value: str) -> str:
    """The sum of whole numbers, at most the largest bigint: counts come from clients."""
    return f"least(sum({value}), 9223372036854775807)::bigint"


def value_at_sql(pick: Literal["min", "max"], value: str, at: str) -> str:
    """The value of the earliest or latest row, by an aggregate that needs no sorting."""
    return f"({pick}(ARRAY[extract(epoch FROM {at})::float8, {value}]) FILTER (WHERE {at} IS NOT NULL))[2]"


def percentile_of_buckets_sql(q: float, total: str = "total") -> str:
    """A percentile over rows of `code`, `seen` and `total` (see storage.log_buckets), `low`, `high` and `given`.

    Kept inside the smallest and largest value; the highest given percentile where that is higher, as rules have it.
    """
    measured = f"least(greatest({percentile_sql(q, total=total)}, min(low)), max(high))"
    return f"greatest(max(given), CASE WHEN count(code) > 0 THEN {measured} END)"


def linked(rows: str, keys: str) -> str:
    """Rows and, as `gained`, the increase from the row before among those of the same `keys`.

    Rows without plain values are links of no chain.
    """
    return f"""
        SELECT *, CASE WHEN first_value >= before THEN first_value - before WHEN before IS NOT NULL THEN first_value END
                  AS gained
        FROM (SELECT *, lag(final_value) OVER (PARTITION BY {keys}, first_at IS NULL ORDER BY first_at) AS before
              FROM ({rows}) AS pieces) AS chained"""


_SUMMED = {
    "point_count": total_sql("point_count"),
    "count": total_sql("count"),
    "sum": "sum(sum)",
    "min": "min(min)",
    "max": "max(max)",
    "first_value": value_at_sql("min", "first_value", "first_at"),
    "first_at": "min(first_at)",
    "final_value": value_at_sql("max", "final_value", "first_at"),
    "last_value": value_at_sql("max", "last_value", "last_at"),
    "last_at": "max(last_at)",
    "increase": "sum(increase) + coalesce(sum(gained), 0)",
    **{given: f"max({given})" for given in GIVEN},
}


def _insert(table: str, rows: str) -> str:
    keys = "project_id, series_id, bucket"
    measures = ", ".join(f"{expression} AS {name}" for name, expression in _SUMMED.items())
    return f"""
        INSERT INTO {table} ({keys}, {", ".join(_SUMMED)}, codes, counts)
        WITH pieces AS MATERIALIZED ({rows}),
        summed AS (SELECT {keys}, {measures} FROM ({linked("SELECT * FROM pieces", keys)}) AS linked GROUP BY {keys}),
        distributed AS (
            SELECT {keys}, array_agg(code ORDER BY code) AS codes, array_agg(weight ORDER BY code) AS counts
            FROM (SELECT {keys}, code, {total_sql("weight")} AS weight
                  FROM (SELECT {keys}, unnest(codes) AS code, unnest(counts) AS weight FROM pieces) AS bucketed
                  GROUP BY {keys}, code) AS merged
            GROUP BY {keys}
        )
        SELECT {keys}, {", ".join(_SUMMED)}, codes, counts FROM summed LEFT JOIN distributed USING ({keys})"""


def _fill_from_raw(table: str, unit: Literal["minute", "hour"]) -> str:
    bucket = f"date_trunc('{unit}', {_TIME}, 'UTC') AS bucket"
    columns = f"project_id, series_id, {bucket}, {raw_columns(*RAW)}"
    rows = increments(f"before.{_TIME} >= {{hour_before}} AND before.{_TIME} < {{end}}")
    # OFFSET keeps what is added computed once for each point: several columns are made of it.
    added = f"SELECT * FROM ({rows}) AS added WHERE {{window}} AND NOT stale OFFSET 0"
    return _insert(table, f"SELECT {columns} FROM ({added}) AS points")


def _fill_from_hours(table: str) -> str:
    columns = f"project_id, series_id, date_trunc('day', bucket, 'UTC') AS bucket, {', '.join(RAW)}"
    return _insert(table, f"SELECT {columns} FROM point_rollup_hours WHERE {{window}}")


POINT_ROLLUP = register(
    Rollup(
        raw=POINTS,
        minutes=Tier(
            rollup_table("point_rollup_minutes", "minutes"), _fill_from_raw("point_rollup_minutes", "minute")
        ),
        hours=Tier(rollup_table("point_rollup_hours", "hours"), _fill_from_raw("point_rollup_hours", "hour")),
        days=Tier(rollup_table("point_rollup_days", "days"), _fill_from_hours("point_rollup_days")),
    )
)
