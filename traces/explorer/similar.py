"""Other traces that did the same as one: the ones worth comparing it with."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from traces.explorer.links import kind_of
from traces.explorer.sampling import reach
from traces.models import Span

NEARBY = timedelta(hours=1)
"""Before and after the trace: further away there may have been other code and other load."""
MOST_READ = 1000


class Similar(NamedTuple):
    """A trace by its first span."""

    trace_id: str
    start_time: datetime
    duration_ms: float


def similar(first: Span) -> list[tuple[str, Similar]]:
    """Of the newest 1,000 traces around that begin alike: the slowest, a usual one and the fastest, each told in words.

    Two statements; the newest 100,000 spans around the trace are read at most.
    """
    spans = Span.objects.filter(
        project=first.project_id,
        start_time__gte=first.start_time - NEARBY,
        start_time__lt=first.start_time + NEARBY,
    )
    edge = reach(spans)
    alike = spans.filter(parent_span_id__isnull=True, **kind_of(first)).exclude(trace_id=first.trace_id)
    if edge:
        alike = alike.filter(start_time__gte=edge)
    return telling(
        [Similar(*row) for row in alike.order_by("-start_time").values_list(*Similar._fields)[:MOST_READ]]
    )


def telling(found: Sequence[Similar]) -> list[tuple[str, Similar]]:
    """The slowest, the one in the middle and the fastest; each trace once. Pure."""
    ordered = sorted(found, key=lambda one: (-one.duration_ms, one.trace_id))
    places = {"Slowest": 0, "Usual": len(ordered) // 2, "Fastest": len(ordered) - 1} if ordered else {}
    kept: dict[str, tuple[str, Similar]] = {}
    for words, place in places.items():
        kept.setdefault(ordered[place].trace_id, (words, ordered[place]))
    return list(kept.values())
