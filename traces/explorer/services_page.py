"""The page of services: how each is, and who calls whom."""

from __future__ import annotations

from typing import Any

from projects.pages.exporting import Table
from projects.pages.page import Page
from projects.pages.scope import Scope
from traces.examples import FIRST_SPAN
from traces.explorer import links
from traces.explorer.criteria import spans_of
from traces.explorer.layered_layout import BOX_HEIGHT, BOX_WIDTH
from traces.explorer.rule_links import duration_rule_url, error_rule_url
from traces.explorer.service_calls import SLICES, SPANS_PER_SLICE, Called, Edge, edges_of, sample_calls
from traces.explorer.service_map import LABEL_HEIGHT, Box, picture
from traces.explorer.services import Service, Services, services_of
from traces.links import microseconds
from traces.models import Span
from traces.service_state import ServiceState

MOST_EDGES = 200
"""Calls in the table, the most frequent first."""


class ServicesPage(Page):
    """A map of the services with their calls, and the same as tables."""

    title = "Services"
    template = "traces/services.html"
    permission = "traces.view_span"
    panels = {"map": "traces/service_map.html"}

    def panel_map(self, scope: Scope) -> dict[str, Any]:
        busiest = _services(scope)
        services = busiest.found
        sample = sample_calls(spans_of(scope), scope.range, scope.now)
        edges = edges_of(sample)
        if not services and not sample.spans:
            return _empty(scope)
        drawn = picture(services, edges)
        measured = links.services_with_metrics(scope, [one.name for one in services])
        return {
            "services": [(one, _ways(scope, one, one.name in measured)) for one in services],
            "has_more_services": busiest.is_cut,
            "edges": [(edge, *_examples(scope, edge)) for edge in edges[:MOST_EDGES]],
            "edge_count": len(edges),
            "picture": drawn,
            "box_width": BOX_WIDTH,
            "box_height": BOX_HEIGHT,
            "label_height": LABEL_HEIGHT,
            "boxes": [(box, _box_url(scope, box)) for box in drawn.boxes],
            "sample_size": len(sample.spans),
            "is_whole": sample.is_whole,
            "slices": SLICES,
            "spans_per_slice": SPANS_PER_SLICE,
        }

    def table(self, scope: Scope) -> Table:
        rows = (
            (one.name, one.rate_per_second, one.numbers.span_count, one.numbers.error_count, one.numbers.p95_ms,
             one.state.word)
            for one in _services(scope).found
        )  # fmt: skip
        return Table("services", _COLUMNS, rows)


_COLUMNS = ("service_name", "rate_per_second", "span_count", "error_count", "duration_p95_ms", "state")


def _services(scope: Scope) -> Services:
    assert scope.project
    return services_of(scope.project.pk, scope.range, scope.now)


def _ways(scope: Scope, service: Service, has_metrics: bool) -> dict[str, str]:
    """To its traces, to those that failed, to its metrics, to a rule on what is wrong with it; "" where not offered."""
    filters = {"service_name": service.name}
    numbers = service.numbers
    is_failing = service.state is ServiceState.FAILING
    return {
        "traces": links.traces_url(scope, **filters),
        "errors": links.traces_url(scope, **filters, status="error"),
        "metrics": links.service_metrics_url(scope, service.name) if has_metrics else "",
        "rule": error_rule_url(scope, [numbers.error_ratio], filters)
        if is_failing
        else duration_rule_url(scope, [numbers.p95_ms], filters),
    }


def _examples(scope: Scope, edge: Edge) -> tuple[str, str, str]:
    """To the spans of the called service (or the caller's of it), the slowest call, the newest that failed."""
    filters = (
        {"service_name": edge.callee} if edge.sends_spans else {"service_name": edge.caller, "kind": "client"}
    )
    called = links.traces_url(scope, **filters)
    return called, _example(scope, edge.slowest), _example(scope, edge.failed)


def _box_url(scope: Scope, box: Box) -> str:
    return links.traces_url(scope, service_name=box.name) if box.service else "#calls"


def _example(scope: Scope, call: Called | None) -> str:
    if call is None:
        return ""
    return (
        f"{links.trace_url(scope, call.trace_id)}&span_id={call.span_id}&at={microseconds(call.start_time)}"
    )


def _empty(scope: Scope) -> dict[str, Any]:
    newest = Span.objects.filter(project=scope.project).order_by("-start_time").only("start_time").first()
    return {"newest": newest, "command": FIRST_SPAN}
