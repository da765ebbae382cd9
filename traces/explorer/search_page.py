"""The page that finds traces."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from projects.pages.exporting import Table
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope
from storage.rollups.summaries import Question
from traces.examples import FIRST_SPAN
from traces.explorer import links, sampling
from traces.explorer.criteria import Criteria, criteria_of, matching, shortcut, spans_of
from traces.explorer.figures import rate_charts, scatter, values_of
from traces.explorer.results import FoundTrace, search
from traces.explorer.rule_links import duration_rule_url, error_rule_url
from traces.explorer.sampling import Dot, sample
from traces.models import Span, SpanStatus
from traces.queries import summary

PAGE_SIZE, EXPORTED = 50, 1000
MOST_SUGGESTED = 200


class TracesPage(Page):
    """Search for traces: charts of what was searched for, each trace as a dot, and the list."""

    title = "Traces"
    template = "traces/search.html"
    permission = "traces.view_span"
    panels = {
        "rates": "traces/search_rates.html",
        "scatter": "traces/search_scatter.html",
        "results": "traces/search_results.html",
    }

    def get(self, request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        try:
            target = shortcut(request.GET)
        except Problem:
            # Said by the page itself, see `context`.
            target = None
        return redirect(target) if target else super().get(request, **arguments)

    def context(self, scope: Scope) -> dict[str, Any]:
        shortcut(scope.request.GET)
        criteria = criteria_of(scope.filters)
        matching(spans_of(scope), criteria)
        return {
            "criteria": criteria,
            "fields": criteria.fields,
            "statuses": SpanStatus.choices,
            "chips": [
                (name, value, scope.here(cursor=None, **{name: None})) for name, value in criteria.chips
            ],
            "kept": _kept(scope, criteria),
            **_suggestions(scope, criteria.fields.get("service_name", "")),
        }

    def panel_rates(self, scope: Scope) -> dict[str, Any]:
        assert scope.project
        criteria = criteria_of(scope.filters)
        rates, errors, p95 = rate_charts(scope, scope.project.pk, criteria.of_rollup)
        percents, durations_ms = (values_of(chart) for chart in (errors, p95))
        ratios = [percent / 100 for percent in percents]
        return {
            "charts": [
                (rates, ""),
                (errors, error_rule_url(scope, ratios, criteria.of_rollup)),
                (p95, duration_rule_url(scope, durations_ms, criteria.of_rollup)),
            ],
            "of_rollup": criteria.of_rollup,
            "beyond_rollup": criteria.beyond_rollup,
        }

    def panel_scatter(self, scope: Scope) -> dict[str, Any]:
        about = scope.url("", back=links.search_of(scope))

        def url_of(dot: Dot) -> str:
            return reverse("explore_trace", args=(dot.trace_id,)) + about

        criteria, spans = criteria_of(scope.filters), spans_of(scope)
        found = sample(spans, matching(spans, criteria), scope.range)
        logarithmic = scope.filters.get("scale") == "log"
        chart = scatter(scope, found, url_of, logarithmic=logarithmic)
        return {"chart": chart, "criteria": criteria, "logarithmic": logarithmic}

    def panel_results(self, scope: Scope) -> dict[str, Any]:
        criteria, spans = criteria_of(scope.filters), spans_of(scope)
        found = search(spans, matching(spans, criteria), scope.filters.get("cursor"), PAGE_SIZE)
        rows = [
            (one, links.found_url(scope, one.span.trace_id, None if one.is_whole else one.span))
            for one in found.traces
        ]
        shown: dict[str, Any] = {
            "found": found,
            "rows": rows,
            "criteria": criteria,
            "read_at_most": sampling.READ_AT_MOST,
        }
        return shown if rows or found.searched_to else {**shown, **_why_empty(scope, criteria)}

    def table(self, scope: Scope) -> Table:
        spans = spans_of(scope)
        matches = matching(spans, criteria_of(scope.filters))
        found = search(spans, matches, scope.filters.get("cursor"), EXPORTED)
        return Table("traces", list(_COLUMNS), map(_exported, found.traces))


def _suggestions(scope: Scope, service_name: str) -> dict[str, list[str]]:
    """Services, and the operations of the one chosen, the most frequent first; of whole buckets around the range."""
    assert scope.project
    groups = summary(
        Question(
            project_id=scope.project.pk,
            window=scope.range.window(1),
            group_by=("service_name", "operation_name"),
            measures=("span_count",),
            limit=10 * MOST_SUGGESTED,
        )
    )
    pairs = [(str(one.dimensions["service_name"]), str(one.dimensions["operation_name"])) for one in groups]
    # A chosen service stays in the list, also where it was silent.
    services = dict.fromkeys([service for service, _ in pairs][:] + ([service_name] if service_name else []))
    operations = dict.fromkeys(operation for service, operation in pairs if service_name in ("", service))
    return {"services": list(services)[:MOST_SUGGESTED], "operations": list(operations)[:MOST_SUGGESTED]}


def _kept(scope: Scope, criteria: Criteria) -> list[tuple[str, str]]:
    """What the form carries along beside its own fields."""
    scale = {"scale": scope.filters["scale"]} if "scale" in scope.filters else {}
    return list((scope.parameters | dict(criteria.chips) | scale).items())


def _why_empty(scope: Scope, criteria: Criteria) -> dict[str, Any]:
    """What to say where nothing was found: whether there are spans at all, and when the newest was."""
    newest = Span.objects.filter(project=scope.project).order_by("-start_time").only("start_time").first()
    return {
        "newest": newest,
        "command": "" if newest else FIRST_SPAN,
        "is_filtered": bool(criteria.fields),
    }


_COLUMNS = (
    "trace_id", "start_time", "service_name", "operation_name", "duration_ms", "span_count", "error_count",
    "span_id", "span_service_name", "span_operation_name", "span_status", "span_duration_ms",
)  # fmt: skip


def _exported(one: FoundTrace) -> tuple[Any, ...]:
    trace, span = one.summary, one.span
    return (
        span.trace_id, trace.start_time, trace.service_name, trace.operation_name, round(trace.duration_ms, 3),
        trace.span_count, trace.error_count, span.span_id, span.service_name, span.operation_name, span.status,
        span.duration_ms,
    )  # fmt: skip
