"""What the page of a trace is made of: the trace without its heavy columns, its services, the filter within it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from projects.models import Project
from storage.ids import normal_trace_id
from storage.times import parse_time
from traces.explorer.waterfall import Events, colours_of
from traces.links import moment_of
from traces.models import Span
from traces.queries import Trace, find_in_trace, load_trace, of_trace
from traces.self_time import self_times_ms
from traces.tree import MILLISECOND, Node

MOST_EVENTS = 1000
HEAVY = ("tags", "links", "events", "http_url", "user_id")
"""Not read for all spans of a trace: 10,000 of them take a second to parse."""


@dataclass(frozen=True, slots=True)
class ServiceShare:
    """A service's part of a trace. `share_ratio`: of the time that all spans worked themselves."""

    name: str
    colour: str
    span_count: int
    error_count: int
    self_ms: float
    share_ratio: float

    @property
    def share(self) -> str:
        """In whole percent; smaller parts tell nothing here."""
        return f"{self.share_ratio * 100:.0f} %" if self.share_ratio >= 0.01 else "< 1 %"


def load(project: Project | None, trace_id: str) -> Trace | None:
    return load_trace(Span.objects.filter(project=project).defer(*HEAVY), trace_id)


def span_of(project: Project | None, trace_id: str, span_id: str, at: str) -> Span | None:
    """One span of a trace, whole; `at` tells several with the same id apart."""
    spans: QuerySet[Span] = Span.objects.filter(project=project)
    moment = moment_of(at) if at else None
    if moment:
        spans = spans.filter(start_time=moment)
    return find_in_trace(spans, normal_trace_id(trace_id), normal_trace_id(span_id))


def events_of(trace: Trace, project: Project | None, origin: datetime) -> Events:
    """The events of its spans, timed from the origin; of at most 1,000 spans."""
    # Of the trace's own time, so that only its days are looked at.
    of_its_time = {"start_time__gte": trace.start_time, "start_time__lte": trace.spans[-1].start_time}
    spans = of_trace(Span.objects.filter(project=project, **of_its_time), trace.trace_id)
    rows = spans.exclude(events=[]).values_list("span_id", "start_time", "events")[:MOST_EVENTS]
    return {(span_id, start): event_moments(events, origin) for span_id, start, events in rows}


def event_moments(events: Any, origin: datetime) -> list[tuple[float, str]]:
    """Milliseconds since the origin and name of each event that has a time that can be read."""
    found = []
    for event in events if isinstance(events, list) else []:
        if isinstance(event, dict) and (at := event_time(event)):
            found.append(((at - origin) / MILLISECOND, str(event.get("name") or "event")[:150]))
    return sorted(found)


def event_time(event: Mapping[str, Any]) -> datetime | None:
    try:
        return parse_time(str(event.get("timestamp") or ""))
    except ValueError:
        return None


def shares(trace: Trace) -> list[ServiceShare]:
    """The services, the one that worked longest first."""
    own = self_times_ms(trace.roots, trace.start_time)
    whole = sum(own.values()) or 1.0
    colours = colours_of(node.span.service_name for node in own)
    by_service: dict[str, list[Node]] = {}
    for node in own:
        by_service.setdefault(node.span.service_name, []).append(node)
    found = [
        ServiceShare(
            name,
            colours[name],
            len(nodes),
            sum(node.span.status == "error" for node in nodes),
            sum(own[node] for node in nodes),
            sum(own[node] for node in nodes) / whole,
        )
        for name, nodes in by_service.items()
    ]
    return sorted(found, key=lambda share: -share.self_ms)


def filter_within(parameters: Mapping[str, str]) -> Callable[[Span], bool] | None:
    """`q` (part of service, operation or id), `service_name` and `status`; None where nothing is filtered by."""
    text = parameters.get("q", "").strip().casefold()
    service, status = parameters.get("service_name", ""), parameters.get("status", "")
    if not (text or service or status):
        return None

    def is_match(span: Span) -> bool:
        if (service and span.service_name != service) or (status and span.status != status):
            return False
        words = f"{span.service_name}\n{span.operation_name}\n{span.span_id}".casefold()
        return text in words

    return is_match
