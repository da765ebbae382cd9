"""Reads of spans beyond a one-line queryset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.db.models import Q, QuerySet

from storage.ids import normal_trace_id
from storage.rollups import reading
from storage.rollups.summing import PERCENTILES, summed, summed_with_percentiles
from traces.models import Span
from traces.rollups import MEASURES, RAW_ROW, SPAN_ROLLUP
from traces.tree import Node, build_forest

MAX_SPANS = 10_000
MAX_ID_LENGTH = 64

_SQL_OF_MEASURE = {
    "span_count": "span_count",
    "error_count": "error_count",
    "rate_per_second": "span_count / %(bucket_seconds)s::float8",
    "error_ratio": "error_count / span_count::float8",
    "duration_avg_ms": "duration_sum_us / 1000::float8 / span_count",
    **{percentile: percentile for percentile in PERCENTILES},
}
SUMMARY_MEASURES = tuple(_SQL_OF_MEASURE)
ZERO_WITHOUT_SPANS = ("span_count", "error_count", "rate_per_second")
"""All other measures are None in a bucket without spans."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A whole trace. `truncated`: it has more than 10,000 spans, and these are the first of them."""

    trace_id: str
    spans: list[Span]
    roots: list[Node]
    truncated: bool

    @property
    def start_time(self) -> datetime:
        return self.spans[0].start_time

    @property
    def duration_ms(self) -> float:
        """From the first start to the last end."""
        last_ms = (
            (span.start_time - self.start_time) / timedelta(milliseconds=1) + span.duration_ms
            for span in self.spans
        )
        return max(last_ms)


def load_trace(spans: QuerySet[Span], text: str) -> Trace | None:
    """The trace with this id among the given spans; None where there is none."""
    if "\0" in text:
        return None
    trace_id = normal_trace_id(text)
    found = list(spans.filter(trace_id=trace_id).order_by("start_time", "span_id")[: MAX_SPANS + 1])
    if not found:
        return None
    kept = found[:MAX_SPANS]
    return Trace(trace_id, kept, build_forest(kept), len(found) > MAX_SPANS)


def find_span(spans: QuerySet[Span], identifier: str) -> Span | None:
    """The span behind `<trace id>-<span id>`; both may hold dashes, so every way to cut it is tried at once."""
    if "\0" in identifier or len(identifier) > 2 * MAX_ID_LENGTH + 1:
        return None
    parts = identifier.split("-")
    pairs = Q(pk__in=[])
    for cut in range(1, len(parts)):
        pairs |= Q(trace_id="-".join(parts[:cut]), span_id="-".join(parts[cut:]))
    return spans.filter(pairs).order_by("-start_time").first()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Spans of a project in `start <= start_time < end`, in buckets of `interval`.

    Start, end and interval lie on the borders of the tier's buckets, in UTC. `group_by` and the keys of `filters`
    name dimensions: service_name, operation_name, kind.
    """

    project_id: int
    start: datetime
    end: datetime
    interval: timedelta
    tier: reading.TierName
    group_by: Sequence[str] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    measures: Sequence[str] = SUMMARY_MEASURES
    limit: int = 200
    """Most groups that are answered, those with most spans first."""

    @property
    def bucket_count(self) -> int:
        return -((self.start - self.end) // self.interval)

    @property
    def where(self) -> str:
        return " AND ".join(f"{name} = %(filter_{name})s" for name in self.filters) or "true"

    @property
    def parameters(self) -> dict[str, Any]:
        return {
            "project_id": self.project_id,
            "start": self.start,
            "end": self.end,
            "bucket_seconds": self.interval.total_seconds(),
            "limit": self.limit,
            **{f"filter_{name}": value for name, value in self.filters.items()},
        }


@dataclass(frozen=True, slots=True)
class Series:
    """One group: its dimensions, and for each measure one number a bucket."""

    group: dict[str, str]
    measures: dict[str, list[Any]]


def summary(question: Question) -> list[Series]:
    """Spans added up by bucket and group in one statement, so exact at any moment; the most frequent group first.

    Percentiles are within 1 %.
    """
    sql = _summary_sql(question)
    with connection.cursor() as cursor:
        cursor.execute(sql, question.parameters)
        rows = cursor.fetchall()
    width = len(question.group_by)
    return [
        Series(
            dict(zip(question.group_by, row[:width], strict=True)),
            {
                measure: _spread(question.bucket_count, measure, row[width], values)
                for measure, values in zip(question.measures, row[width + 1 :], strict=True)
            },
        )
        for row in rows
    ]


def _spread(bucket_count: int, measure: str, slots: list[int], values: list[Any]) -> list[Any]:
    spread: list[Any] = [0 if measure in ZERO_WITHOUT_SPANS else None] * bucket_count
    for slot, value in zip(slots, values, strict=True):
        spread[slot] = value
    return spread


def _summary_sql(question: Question) -> str:
    """One row a group with an array a measure: a tenth of the time that a row a bucket would take to read."""
    listed = "".join(f"{name}, " for name in question.group_by)
    arrays = ", ".join(f"array_agg({_SQL_OF_MEASURE[measure]})" for measure in question.measures)
    with_percentiles = any(measure in PERCENTILES for measure in question.measures)
    add_up = summed_with_percentiles if with_percentiles else summed
    source = add_up(partial(_parts_sql, question), (*question.group_by, "slot"), MEASURES, RAW_ROW)
    return (
        f"WITH {reading.state(SPAN_ROLLUP)} SELECT {listed}array_agg(slot), {arrays} FROM ({source}) AS slots "
        + (f"GROUP BY {', '.join(question.group_by)} " if listed else "HAVING count(*) > 0 ")
        + f"ORDER BY {', '.join(('sum(span_count) DESC', *question.group_by))} LIMIT %(limit)s"
    )


def _parts_sql(question: Question, rolled: Sequence[str], raw: Sequence[str]) -> str:
    """Roll-up rows and raw rows, each with its group and `slot`, the number of the bucket it lies in."""
    slot = "floor(extract(epoch FROM {time} - %(start)s) / %(bucket_seconds)s)::int AS slot"
    return reading.parts(
        SPAN_ROLLUP,
        question.tier,
        ", ".join((*question.group_by, slot.format(time="bucket"), *rolled)),
        ", ".join((*question.group_by, slot.format(time="start_time"), *raw)),
        question.where,
    )
