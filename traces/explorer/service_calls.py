"""Which service calls which: counted over a bounded sample of spans, each span with the one that it belongs under."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import NamedTuple

from django.db.models import Case, IntegerField, QuerySet, TextField, Value, When
from django.db.models.functions import Coalesce

from projects.api.filters import json_text_at
from projects.pages.time_range import TimeRange
from traces.explorer.sampling import slices_of
from traces.models import Span

SLICES, SPANS_PER_SLICE = 8, 2500

TARGET_TAGS = ("service.peer.name", "peer.service", "db.system.name", "db.system", "messaging.system")
"""Where OpenTelemetry's conventions say whom a span called; databases and brokers seldom send spans of their own."""


class Called(NamedTuple):
    """A span as the map needs it."""

    slice: int
    start_time: datetime
    trace_id: str
    span_id: str
    parent_span_id: str | None
    service_name: str
    duration_ms: float
    status: str
    target: str | None = None
    """Whom it says that it called, of spans of clients and producers."""


@dataclass(slots=True)
class Edge:
    """Calls of one service by another, by the spans that the called one made of them.

    `sends_spans`: where the called one makes none, by the caller's spans that name it.
    """

    caller: str
    callee: str
    sends_spans: bool = True
    rate_per_second: float = 0.0
    error_count: int = 0
    durations_ms: list[float] = field(default_factory=list)
    slowest: Called | None = None
    failed: Called | None = None

    @property
    def anchor(self) -> str:
        """Of its row on the page; names hold any text, so they are hashed."""
        return "call-" + blake2b(f"{self.caller}\0{self.callee}".encode(), digest_size=6).hexdigest()

    @property
    def call_count(self) -> int:
        return len(self.durations_ms)

    @property
    def error_ratio(self) -> float:
        return self.error_count / self.call_count if self.durations_ms else 0.0

    @property
    def p95_ms(self) -> float | None:
        """Nearest rank."""
        ordered = sorted(self.durations_ms)
        return ordered[math.ceil(0.95 * len(ordered)) - 1] if ordered else None


@dataclass(frozen=True, slots=True)
class CallSample:
    """Spans, and the seconds of the range that they are all spans of."""

    spans: Sequence[Called]
    covered_seconds: float
    is_whole: bool


def sample_calls(spans: QuerySet[Span], time_range: TimeRange, now: datetime) -> CallSample:
    """The newest spans of each stretch of the range, without gaps, so that calls find their callers. One statement."""
    slices = slices_of(time_range, SLICES)
    named = Coalesce(*(json_text_at("tags", tag) for tag in TARGET_TAGS))
    target = Case(When(kind__in=("client", "producer"), then=named), default=None, output_field=TextField())
    parts = [
        spans.filter(start_time__gte=start, start_time__lt=end)
        .annotate(slice=Value(number, output_field=IntegerField()), target=target)
        .order_by("-start_time")
        .values_list("slice", *Called._fields[1:])[:SPANS_PER_SLICE]
        for number, (start, end) in enumerate(slices)
    ]
    rows = [Called(*values) for values in parts[0].union(*parts[1:], all=True)]
    fullest = max(Counter(row.slice for row in rows).values(), default=0)
    return CallSample(rows, covered_seconds(rows, slices, now), fullest < SPANS_PER_SLICE)


def covered_seconds(
    spans: Iterable[Called], slices: Sequence[tuple[datetime, datetime]], now: datetime
) -> float:
    """How long the stretches are that the sample holds all spans of; a full slice reaches back to its oldest span."""
    starts: dict[int, list[datetime]] = {}
    for span in spans:
        starts.setdefault(span.slice, []).append(span.start_time)
    covered = timedelta()
    for number, (start, end) in enumerate(slices):
        found = starts.get(number, [])
        oldest = min(found) if len(found) == SPANS_PER_SLICE else start
        covered += max(min(end, now) - oldest, timedelta())
    return max(covered / timedelta(seconds=1), 1.0)


def edges_of(sample: CallSample) -> list[Edge]:
    """The calls between services, the most frequent first. A call is a span whose parent another service made.

    A span that says whom it called is one, too, where nobody else's span lies under it.
    """
    edges: dict[tuple[str, str], Edge] = {}
    answered = _add_answered(sample.spans, edges)
    for span in sample.spans:
        if span.target and span.target != span.service_name and (span.trace_id, span.span_id) not in answered:
            _add(edges, Edge(span.service_name, span.target, sends_spans=False), span)
    for edge in edges.values():
        edge.rate_per_second = edge.call_count / sample.covered_seconds
    return sorted(edges.values(), key=lambda edge: (-edge.call_count, edge.caller, edge.callee))


def _add_answered(spans: Iterable[Called], edges: dict[tuple[str, str], Edge]) -> set[tuple[str, str]]:
    """Add the calls whose callee sent a span; returns trace and id of the spans that such a one lies under."""
    services: dict[tuple[str, str], set[str]] = {}
    for span in spans:
        services.setdefault((span.trace_id, span.span_id), set()).add(span.service_name)
    answered: set[tuple[str, str]] = set()
    for span in spans:
        above = (span.trace_id, span.parent_span_id or "")
        callers = services.get(above, set())
        # Where client and server share an id, the parent's id is also that of a span of the same service.
        if span.service_name not in callers:
            answered.add(above)
            for caller in callers:
                _add(edges, Edge(caller, span.service_name), span)
    return answered


def _add(edges: dict[tuple[str, str], Edge], new: Edge, call: Called) -> None:
    """Count a call into the edge between the two, which may be new."""
    edge = edges.setdefault((new.caller, new.callee), new)
    edge.durations_ms.append(call.duration_ms)
    if edge.slowest is None or call.duration_ms > edge.slowest.duration_ms:
        edge.slowest = call
    if call.status == "error":
        edge.error_count += 1
        edge.failed = edge.failed or call
