"""Metric points added up by series and minute, hour or day.

A raw point is read as a roll-up row of one point (`RAW`), so that filling a tier, merging hours to days and reading
the raw tail are all the same sum of rows. What counts is what counts for rules: stale markers don't, NaN doesn't, a
distribution counts as all it holds.
"""

from __future__ import annotations

from typing import Literal

from metrics.distribution import ZERO
from metrics.records import POINTS
from storage.log_buckets import OFFSET, code_sql, percentile_sql
from storage.registry import rollup_table
from storage.rollups.registry import Rollup, Tier, register

LARGEST, SMALLEST = "1e280", "1e-280"
"""Beyond these a value is infinite or 0 for sums and increases: PostgreSQL refuses a sum that overflows and a mean
that underflows, and one such point would stop the roll-up for ever."""

GIVEN = ("percentile_50", "percentile_90", "percentile_95", "percentile_99")


def _bounded(value: str) -> str:
    return (
        f"CASE WHEN abs({value}) > {LARGEST} THEN sign({value}) * 'Infinity'::float8 "
        f"WHEN abs({value}) < {SMALLEST} THEN 0 ELSE {value} END"
    )


def _buckets(column: Literal["code", "weight"]) -> str:
    """The buckets of a raw point as one of the two arrays, from the names of `metrics.distribution` or the value."""
    code = (
        f"CASE WHEN key = '{ZERO}' THEN 0 WHEN left(key, 1) = 'n' THEN -substr(key, 2)::int - {OFFSET} "
        f"ELSE key::int + {OFFSET} END"
    )
    bucketed, plain = {
        "code": (code, f"ARRAY[{code_sql('value')}]"),
        "weight": ("bucket.value::bigint", "ARRAY[1::bigint]"),
    }[column]
    # A value beside given percentiles is the mean of much that isn't known: it has no place in a distribution.
    return (
        f"CASE WHEN buckets IS NOT NULL THEN ARRAY(SELECT {bucketed} FROM jsonb_each_text(buckets) AS bucket) "
        f"WHEN abs(value) < 'Infinity' AND coalesce({', '.join(GIVEN)}) IS NULL THEN {plain} END"
    )


_NUMBER = "value <> 'NaN'"
_PLAIN = f"count IS NULL AND {_NUMBER}"
_TIME = '"timestamp"'

RAW: dict[str, str] = {
    "point_count": "CASE WHEN stale THEN 0 ELSE 1 END",
    "count": f"coalesce(count, CASE WHEN {_NUMBER} THEN 1 ELSE 0 END)",
    "sum": _bounded(
        "coalesce("
        f"CASE WHEN count IS NULL THEN nullif(value, 'NaN') ELSE coalesce(sum, ({_bounded('value')}) * count) END, 0)"
    ),
    "min": "coalesce(min, nullif(value, 'NaN'))",
    "max": "coalesce(max, nullif(value, 'NaN'))",
    "first_value": f"CASE WHEN {_PLAIN} THEN {_bounded('value')} END",
    "first_at": f"CASE WHEN {_PLAIN} THEN {_TIME} END",
    "final_value": f"CASE WHEN {_PLAIN} THEN {_bounded('value')} END",
    "last_value": "nullif(value, 'NaN')",
    "last_at": f"CASE WHEN {_NUMBER} THEN {_TIME} END",
    "increase": "coalesce(count, 0)::float8",
    "codes": _buckets("code"),
    "counts": _buckets("weight"),
    **{given: f"CASE WHEN buckets IS NULL THEN nullif({given}, 'NaN') END" for given in GIVEN},
}
"""Column of a roll-up -> SQL for it from a raw point that isn't a stale marker (`point_count` 1).

`first_value` and `final_value` are the first and last plain values, of which `increase` is the way between, a fall
being a counter that began again at 0; the observations of distributions add to it. `last_value` is the newest value
of any kind. `codes` and `counts` are the distribution as in `storage.log_buckets`.
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
    return _insert(table, f"SELECT {columns} FROM {POINTS.name} WHERE {{window}} AND NOT stale")


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
