"""SQL that adds roll-up rows and raw rows up for a reader.

Merging distributions is dear, and most groups need none: where a whole hour or day stands alone in its
bucket, the percentiles it keeps are the answer. Only the others are taken apart into their duration buckets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from storage.log_buckets import code_sql, percentile_sql

PERCENTILES = ("duration_p50_ms", "duration_p95_ms", "duration_p99_ms")
Parts = Callable[[Sequence[str], Sequence[str]], str]


def summed(parts: Parts, keys: Sequence[str], measures: Sequence[str], raw_measures: Sequence[str]) -> str:
    """One row for each group: its keys and the sums of its measures.

    `parts` makes a UNION ALL of roll-up and raw rows from what is to be selected of each beside the keys.
    `raw_measures` are the measures of one raw row, written `expression AS name`.
    """
    listed = ", ".join(keys)
    sums = ", ".join(f"sum({measure})::bigint AS {measure}" for measure in measures)
    return f"SELECT {listed}, {sums} FROM ({parts(measures, raw_measures)}) AS part GROUP BY {listed}"


def summed_with_percentiles(
    parts: Parts, keys: Sequence[str], measures: Sequence[str], raw_measures: Sequence[str]
) -> str:
    """As `summed`, with `duration_p50_ms`, `duration_p95_ms`, `duration_p99_ms` (nearest rank, within 1 %)."""
    listed = ", ".join(keys)
    sums = ", ".join(f"sum({measure})::bigint AS {measure}" for measure in measures)
    kept = ", ".join(f"min({percentile}) AS kept_{percentile}" for percentile in PERCENTILES)
    none_kept = [f"NULL::float8 AS {percentile}" for percentile in PERCENTILES]
    chosen = ", ".join(f"coalesce({name}, kept_{name}) AS {name}" for name in PERCENTILES)
    return f"""
        WITH grouped AS (
            SELECT row_number() OVER () AS number, count(*) AS part_count, {listed}, {sums}, {kept}
            FROM ({parts((*measures, *PERCENTILES), (*raw_measures, *none_kept))}) AS part GROUP BY {listed}
        ), mixed AS ({_mixed(parts, keys)})
        SELECT {listed}, {", ".join(measures)}, {chosen} FROM grouped LEFT JOIN mixed USING (number)"""


def _mixed(parts: Parts, keys: Sequence[str]) -> str:
    """Percentiles, by number, of the groups that have several parts or raw rows."""
    raw = (f"ARRAY[{code_sql('duration_ms')}] AS duration_codes", "ARRAY[1::bigint] AS duration_counts")
    # As good as IS NOT DISTINCT FROM, which can't be hashed.
    same = " AND ".join(
        f"coalesce(grouped.{key}::text, '') = coalesce(part.{key}::text, '') "
        f"AND (grouped.{key} IS NULL) = (part.{key} IS NULL)"
        for key in keys
    )
    percentiles = ", ".join(f"{percentile_sql(q / 100)} AS duration_p{q}_ms" for q in (50, 95, 99))
    return f"""
        SELECT number, {percentiles}
        FROM (
            SELECT number, code,
                   sum(weight) OVER (PARTITION BY number ORDER BY code ROWS UNBOUNDED PRECEDING) AS seen,
                   sum(weight) OVER (PARTITION BY number) AS total
            FROM (
                SELECT number, code, sum(weight)::bigint AS weight
                FROM grouped
                JOIN ({parts(("duration_codes", "duration_counts"), raw)}) AS part ON {same}
                CROSS JOIN LATERAL unnest(duration_codes, duration_counts) AS bucketed (code, weight)
                WHERE code IS NOT NULL AND (part_count > 1 OR kept_duration_p50_ms IS NULL)
                GROUP BY number, code
            ) AS bucketed
        ) AS ranked
        GROUP BY number"""
