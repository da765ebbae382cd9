"""Reads of spans beyond a one-line queryset."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from storage.ids import normal_trace_id
from traces.models import Span
from traces.tree import Node, build_forest

MAX_SPANS = 10_000
MAX_ID_LENGTH = 64


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
