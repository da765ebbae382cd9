"""Reads of spans beyond a one-line queryset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from storage.day_slices import MAX_SAME_ID, in_any_slice, newest
from storage.ids import normal_trace_id
from storage.rollups import summaries
from storage.rollups.summaries import Group, Question
from storage.rollups.summing import PERCENTILES
from traces.models import Span
from traces.rollups import MEASURES, RAW_ROW, SPAN_ROLLUP
from traces.tree import Node, build_forest

MAX_SPANS = 10_000
MAX_ID_LENGTH = 64

_MEASURES = summaries.Measures(
    rollup=SPAN_ROLLUP,
    sums=MEASURES,
    raw_row=RAW_ROW,
    sql={
        "span_count": "span_count",
        "error_count": "error_count",
        "rate_per_second": "span_count / %(bucket_seconds)s::float8",
        "error_ratio": "error_count / span_count::float8",
        "duration_avg_ms": "duration_sum_us / 1000::float8 / span_count",
        **{percentile: percentile for percentile in PERCENTILES},
    },
    zero_without_rows=("span_count", "error_count", "rate_per_second"),
)
SUMMARY_MEASURES = tuple(_MEASURES.sql)


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


def of_trace(spans: QuerySet[Span], *trace_ids: str) -> QuerySet[Span]:
    """The spans of these traces, found by their index."""
    return in_any_slice(spans, "start_time").filter(trace_id__in=trace_ids)


def load_trace(spans: QuerySet[Span], text: str) -> Trace | None:
    """The trace with this id among the given spans; None where there is none."""
    if "\0" in text:
        return None
    trace_id = normal_trace_id(text)
    found = list(of_trace(spans, trace_id).order_by("start_time", "span_id")[: MAX_SPANS + 1])
    if not found:
        return None
    kept = found[:MAX_SPANS]
    return Trace(trace_id, kept, build_forest(kept), len(found) > MAX_SPANS)


def find_in_trace(spans: QuerySet[Span], trace_id: str, span_id: str) -> Span | None:
    """The earliest span of a trace with this id."""
    if "\0" in trace_id or "\0" in span_id:
        return None
    found = of_trace(spans, trace_id).filter(span_id=span_id).order_by()
    return min(found[:MAX_SAME_ID], key=lambda span: span.start_time, default=None)


def find_span(spans: QuerySet[Span], identifier: str) -> Span | None:
    """The span behind `<trace id>-<span id>`; both may hold dashes, so every way to cut it is tried at once."""
    if "\0" in identifier or len(identifier) > 2 * MAX_ID_LENGTH + 1:
        return None
    parts = identifier.split("-")
    cuts = [("-".join(parts[:cut]), "-".join(parts[cut:])) for cut in range(1, len(parts))]
    pairs = Q(pk__in=[])
    for trace_id, span_id in cuts:
        pairs |= Q(trace_id=trace_id, span_id=span_id)
    return newest(of_trace(spans, *(trace_id for trace_id, _ in cuts)).filter(pairs), "start_time")


def summary(question: Question) -> list[Group]:
    """Spans by service_name, operation_name and kind; exact at any moment, percentiles within 1 %."""
    return summaries.most_frequent(question, _MEASURES)
