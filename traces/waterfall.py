"""A trace as rows of bars: where each span lies between the trace's start and end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import islice

from projects import figures
from traces.models import Span
from traces.queries import Trace
from traces.tree import preorder

MAX_ROWS = 1000
MAX_INDENT = 12
NARROWEST_PERCENT = 0.25


@dataclass(frozen=True, slots=True)
class Bar:
    """One span: `left` and `width` in percent of the trace's duration."""

    span: Span
    indent: int
    left: float
    width: float
    duration: str

    @property
    def is_error(self) -> bool:
        return self.span.status == "error"

    @property
    def end(self) -> float:
        """Where the bar ends, from the left."""
        return round(self.left + self.width, 3)


@dataclass(frozen=True, slots=True)
class Waterfall:
    """All bars, and what the page says about the whole."""

    trace_id: str
    bars: list[Bar]
    span_count: int
    error_count: int
    service_count: int
    duration: str
    truncated: bool

    @property
    def hidden_count(self) -> int:
        return self.span_count - len(self.bars)


def draw(trace: Trace) -> Waterfall:
    """The waterfall of a trace; spans beyond the first 1,000 rows are counted, not drawn."""
    whole_ms = trace.duration_ms or 1.0
    bars = []
    for node in islice(preorder(trace.roots), MAX_ROWS):
        offset_ms = (node.span.start_time - trace.start_time) / timedelta(milliseconds=1)
        width = max(node.span.duration_ms / whole_ms * 100, NARROWEST_PERCENT)
        left = min(offset_ms / whole_ms * 100, 100 - NARROWEST_PERCENT)
        bars.append(
            Bar(
                node.span,
                min(node.depth, MAX_INDENT),
                round(left, 3),
                round(min(width, 100 - left), 3),
                figures.duration(node.span.duration_ms),
            )
        )
    return Waterfall(
        trace_id=trace.trace_id,
        bars=bars,
        span_count=len(trace.spans),
        error_count=sum(span.status == "error" for span in trace.spans),
        service_count=len({span.service_name for span in trace.spans}),
        duration=figures.duration(trace.duration_ms),
        truncated=trace.truncated,
    )
