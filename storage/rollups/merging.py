"""SQL that adds rows up: counts by plain sums, durations by their log buckets (see storage.log_buckets)."""

from __future__ import annotations

from collections.abc import Sequence

from storage.log_buckets import code_sql, percentile_sql


def raw_stream(
    table: str, dimensions: Sequence[str], measures: Sequence[str], duration: str, where: str
) -> str:
    """Raw rows as a stream for `merged`: `dimensions` and `measures` are written `expression AS name`, the measures
    being aggregates. One row for each duration bucket of each group."""
    code = code_sql(duration)
    grouped = ", ".join(str(number) for number in range(1, len(dimensions) + 2))
    return (
        f"SELECT {', '.join(dimensions)}, {code} AS code, count({code}) AS weight, {', '.join(measures)} "
        f"FROM {table} WHERE {where} GROUP BY {grouped}"
    )


def rolled_stream(table: str, dimensions: Sequence[str], measures: Sequence[str], where: str) -> str:
    """Roll-up rows as a stream for `merged`: each row once with its measures, then once for each duration bucket."""
    listed = ", ".join(dimensions)
    zeros = ", ".join("0" for _ in measures)
    return (
        f"SELECT {listed}, NULL::int AS code, NULL::bigint AS weight, {', '.join(measures)} FROM {table} WHERE {where} "
        f"UNION ALL SELECT {listed}, bucketed.code, bucketed.weight, {zeros} "
        f"FROM {table} CROSS JOIN LATERAL unnest(duration_codes, duration_counts) AS bucketed (code, weight) "
        f"WHERE {where}"
    )


def merged(stream: str, dimensions: Sequence[str], measures: Sequence[str]) -> str:
    """One row for each group of the stream: dimensions, summed measures, `duration_codes`, `duration_counts`,
    `duration_p50_ms`, `duration_p95_ms`, `duration_p99_ms` (nearest rank, within 1 %)."""
    listed = ", ".join(dimensions)
    sums = ", ".join(f"sum({measure})::bigint AS {measure}" for measure in measures)
    known = "FILTER (WHERE code IS NOT NULL)"
    percentiles = ", ".join(f"{percentile_sql(q / 100)} AS duration_p{q}_ms" for q in (50, 95, 99))
    return f"""
        SELECT {listed}, {sums},
               array_agg(code ORDER BY code) {known} AS duration_codes,
               array_agg(weight ORDER BY code) {known} AS duration_counts,
               {percentiles}
        FROM (
            SELECT *,
                   sum(weight) {known} OVER (PARTITION BY {listed} ORDER BY code) AS seen,
                   sum(weight) {known} OVER (PARTITION BY {listed}) AS total
            FROM (
                SELECT {listed}, code, sum(weight)::bigint AS weight, {sums}
                FROM ({stream}) AS stream GROUP BY {listed}, code
            ) AS bucketed
        ) AS ranked
        GROUP BY {listed}"""
