"""SQL for what each point adds: points as they are, but of cumulative distributions what came since the one before.

A cumulative distribution counts everything since `start_time`, so sums and percentiles over several of its points would
count the same values again and again. As OTLP's data model has it (https://opentelemetry.io/docs/specs/otel/metrics/
data-model/, "Resets and gaps"), it began again where its count has fallen or its start time is another one: then all
of it is new. Buckets are subtracted one by one and never go below 0, as in Prometheus' `rate` of histograms.

Values that counters have are no distributions: `metrics.rollups` chains them.
"""

from __future__ import annotations

from datetime import timedelta

DELTA, CUMULATIVE = 1, 2
"""`metric_points.temporality`, numbered as OTLP does; null where it isn't known or means nothing."""

LOOK_BACK = timedelta(hours=1)
"""A point before that lies further back isn't looked for. One that begins longer ago without any before it adds
nothing: when its values came isn't known."""

LARGEST, SMALLEST = "1e280", "1e-280"
"""Beyond these a value is infinite or 0 for sums and increases: PostgreSQL refuses a sum that overflows and a mean
that underflows, and one such point would stop the roll-up for ever."""


def bounded(value: str) -> str:
    """SQL for a double with which sums and means can be made."""
    return (
        f"CASE WHEN abs({value}) > {LARGEST} THEN sign({value}) * 'Infinity'::float8 "
        f"WHEN abs({value}) < {SMALLEST} THEN 0 ELSE {value} END"
    )


def _total(point: str) -> str:
    """The sum of a distribution; from its mean where it has none, null where that isn't a number either."""
    value, total = bounded(f"{point}.value"), bounded(f"{point}.sum")
    return f"nullif(coalesce(nullif({total}, 'NaN'), ({value}) * {point}.count), 'NaN')"


_KEPT = (
    "point.percentile_50, point.percentile_90, point.percentile_95, point.percentile_99, "
    "point.stale, point.temporality, point.start_time, point.histogram, point.received_at"
)

_IS_CUMULATIVE = f"point.temporality = {CUMULATIVE} AND point.count IS NOT NULL"
_LOOK_BACK = f"interval '{LOOK_BACK}'"
_BEGAN_LATELY = f'point.start_time >= point."timestamp" - {_LOOK_BACK}'
_BEGAN_AGAIN = "(point.count < before.count OR point.start_time <> before.start_time) IS TRUE"

_SUM = f"nullif({_total('point')} - earlier.sum, 'NaN')"
_MEAN = f"{_SUM} / nullif(point.count - earlier.count, 0)"

# Not a join of the two sets: Citus 13.2 crashes on a join of functions.
_BUCKETS = """
    CASE WHEN point.buckets IS NOT NULL THEN (
        SELECT coalesce(jsonb_object_agg(key, value::bigint - coalesce((earlier.buckets ->> key)::bigint, 0)),
                        jsonb_build_object())
        FROM jsonb_each_text(point.buckets) AS now
        WHERE value::bigint > coalesce((earlier.buckets ->> key)::bigint, 0)
    ) END"""

# Null stays null: what has no buckets goes by the percentiles it was given.
_NO_BUCKETS = "CASE WHEN point.buckets IS NOT NULL THEN jsonb_build_object() END"

# A copy, because looking for a key in a stored object unpacks all of it each time.
_UNPACKED = "before.buckets || jsonb_build_object()"


def _added(column: str, difference: str, nothing: str) -> str:
    """A column of a cumulative point: `nothing` where it is the first one and isn't known to have begun lately."""
    return (
        f"CASE WHEN earlier.count IS NOT NULL THEN {difference} "
        f"WHEN {_BEGAN_LATELY} THEN point.{column} ELSE {nothing} END AS {column}"
    )


def increments(between: str = "") -> str:
    """A SELECT with the columns of `metric_points`.

    `between` is a condition on the time of `before` that leaves no point before out, so that the planner needn't look
    at all partitions. Two scans, because a join that looks for nothing still takes 6 us a point (a rule's window of
    20,000 points: 130 ms instead of 9); points that aren't cumulative distributions come from the first one.
    The smallest and largest value since `start_time` say nothing about those that came lately: they are null.
    """
    return f"""
        SELECT point.project_id, point.series_id, point."timestamp",
               point.value, point.count, point.sum, point.min, point.max, point.buckets, {_KEPT}
        FROM metric_points AS point
        WHERE ({_IS_CUMULATIVE}) IS NOT TRUE
        UNION ALL
        SELECT point.project_id, point.series_id, point."timestamp",
               {_added("value", _MEAN, "NULL")},
               {_added("count", "point.count - earlier.count", "0")},
               {_added("sum", _SUM, "0")},
               NULL, NULL,
               {_added("buckets", _BUCKETS, _NO_BUCKETS)},
               {_KEPT}
        FROM metric_points AS point
        LEFT JOIN LATERAL (
            SELECT CASE WHEN {_BEGAN_AGAIN} THEN 0 ELSE before.count END AS count,
                   CASE WHEN {_BEGAN_AGAIN} THEN 0 ELSE {_total("before")} END AS sum,
                   CASE WHEN {_BEGAN_AGAIN} THEN NULL ELSE {_UNPACKED} END AS buckets
            FROM metric_points AS before
            WHERE before.temporality = {CUMULATIVE} AND before.count IS NOT NULL AND NOT before.stale
              AND before.series_id = point.series_id AND before."timestamp" < point."timestamp"
              AND before."timestamp" >= point."timestamp" - {_LOOK_BACK}{between and f" AND {between}"}
            ORDER BY before."timestamp" DESC LIMIT 1
        ) AS earlier ON true
        WHERE {_IS_CUMULATIVE}"""
