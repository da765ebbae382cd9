"""The page of one trace: its head, its waterfall, and a panel for the span that was chosen."""

from __future__ import annotations

from typing import Any

from projects import figures
from projects.pages.exporting import Table
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope
from traces.critical_path import critical_path
from traces.explorer import links, span_details
from traces.explorer.rule_links import duration_rule_url
from traces.explorer.trace_parts import events_of, filter_within, load, shares, span_of
from traces.explorer.waterfall import MAX_ROWS, Lane, choose, draw
from traces.links import span_parameters
from traces.models import Span
from traces.queries import Trace
from traces.tree import MILLISECOND, Node, preorder

TICKS = 4


class TracePage(Page):
    """`?under=` draws only what is below one span, `q`, `service_name` and `status` filter, `span_id` opens one."""

    title = "Trace"
    template = "traces/trace.html"
    permission = "traces.view_span"
    has_range = False
    panels = {"span": "traces/span.html"}

    @property
    def trace_id(self) -> str:
        return str(self.kwargs["trace_id"])

    def context(self, scope: Scope) -> dict[str, Any]:
        trace = load(scope.project, self.trace_id)
        if trace is None:
            return {"trace_id": self.trace_id, "missing": True}
        first = trace.roots[0].span
        services = shares(trace)
        around = links.around(scope, trace.start_time, trace.duration_ms)
        chosen = {name: scope.filters[name] for name in ("span_id", "at") if name in scope.filters}
        return {
            "trace": trace,
            "first": first,
            "title": f"{first.service_name} {first.operation_name}",
            "error_count": sum(service.error_count for service in services),
            "services": services,
            "events_url": links.events_url(around, trace_id=trace.trace_id),
            "around": around,
            "back_url": links.back_url(scope.filters.get("back", "")),
            "rule_url": duration_rule_url(scope, [first.duration_ms], links.kind_of(first)),
            "chosen": chosen,
            **_waterfall(trace, scope),
        }

    def panel_span(self, scope: Scope) -> dict[str, Any]:
        span = span_of(
            scope.project, self.trace_id, scope.filters.get("span_id", ""), scope.filters.get("at", "")
        )
        if span is None:
            raise Problem("This span is not there. It may be older than what is kept.")
        around = links.around(scope, span.start_time, span.duration_ms)
        measured = links.services_with_metrics(scope, [span.service_name])
        return {
            "span": span,
            "status_words": span_details.status_words(span),
            "attributes": span_details.attributes_of(span, around),
            "events": span_details.events_of(span),
            "links": span_details.links_of(span, around),
            "raw": span_details.raw_json(span),
            "close_url": scope.here(span_id=None, at=None),
            "span_events_url": links.events_url(around, trace_id=span.trace_id, span_id=span.span_id),
            "trace_events_url": links.events_url(around, trace_id=span.trace_id),
            "user_events_url": links.events_url(around, user_id=span.user_id or ""),
            "similar_url": links.traces_url(around, **links.kind_of(span)),
            "metrics_url": links.service_metrics_url(around, span.service_name) if measured else "",
        }

    def table(self, scope: Scope) -> Table:
        trace = load(scope.project, self.trace_id)
        if trace is None:
            raise Problem("This trace is not there.")
        return Table(f"trace-{trace.trace_id[:16]}", _COLUMNS, map(_exported, preorder(trace.roots)))


def _waterfall(trace: Trace, scope: Scope) -> dict[str, Any]:
    """The rows, and what the page says about those that it doesn't draw. Raises Problem for an unknown part."""
    under = scope.filters.get("under", "")
    tops = [node for node in preorder(trace.roots) if node.span.span_id == under] if under else trace.roots
    if not tops:
        raise Problem("The span whose part of the trace was asked for is not there.")
    nodes = list(preorder(tops))
    inside = set(nodes)
    lane = _lane(tops, trace)
    path = critical_path(trace.roots, lane.origin)
    is_match = filter_within(scope.filters)
    if is_match:
        matches = [node for node in nodes if is_match(node.span)]
        shown = choose([], matches)
    else:
        matches = nodes
        failed = [node for node in nodes if node.span.status == "error"]
        waited_for = [segment.node for segment in path if segment.node in inside]
        shown = choose(tops, [*waited_for, *failed])
    events = events_of(trace, scope.project, lane.origin)
    rows = draw(tops, shown & inside, lane, path=path, events=events, is_match=is_match)
    return {
        "rows": [(row, scope.here(**span_parameters(row.span))) for row in rows],
        "ticks": [figures.duration(lane.whole_ms * number / TICKS) for number in range(TICKS + 1)],
        "match_count": len(matches) if is_match else None,
        "missing_count": len(nodes) - len(rows),
        "most_rows": MAX_ROWS,
        "under": tops[0].span if under else None,
        "base_depth": tops[0].depth,
    }


def _lane(tops: list[Node], trace: Trace) -> Lane:
    """From the first start to the last end: of the whole trace, or of the part that is drawn."""
    if tops is trace.roots:
        return Lane(trace.start_time, trace.duration_ms)
    spans = [node.span for node in preorder(tops)]
    origin = min(span.start_time for span in spans)
    end_ms = max((span.start_time - origin) / MILLISECOND + span.duration_ms for span in spans)
    return Lane(origin, end_ms)


_COLUMNS = (
    "span_id", "parent_span_id", "depth", "service_name", "operation_name", "kind", "status", "start_time",
    "duration_ms",
)  # fmt: skip


def _exported(node: Node) -> tuple[Any, ...]:
    span: Span = node.span
    return (
        span.span_id, span.parent_span_id, node.depth, span.service_name, span.operation_name, span.kind, span.status,
        span.start_time, span.duration_ms,
    )  # fmt: skip
