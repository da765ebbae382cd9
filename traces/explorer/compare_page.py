"""The page that shows two traces side by side."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect

from projects.pages.exporting import Table
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope
from traces.explorer import links
from traces.explorer.comparison import Path, compare, signed_duration
from traces.explorer.similar import Similar, similar
from traces.explorer.trace_parts import load
from traces.queries import Trace

MAX_INDENT = 16


class ComparePage(Page):
    """`?a=` and `?b=` are trace ids; the list of traces sends `?trace=` twice."""

    title = "Compare two traces"
    template = "traces/compare.html"
    permission = "traces.view_span"
    has_range = False

    def get(self, request: HttpRequest, **arguments: Any) -> HttpResponseBase:
        chosen = request.GET.getlist("trace")
        if len(chosen) == 2 and "panel" not in request.GET:
            parameters = request.GET.copy()
            del parameters["trace"]
            parameters["a"], parameters["b"] = chosen
            return redirect(f"{request.path}?{parameters.urlencode()}")
        return super().get(request, **arguments)

    def context(self, scope: Scope) -> dict[str, Any]:
        ids = {"a": scope.filters.get("a", "").strip(), "b": scope.filters.get("b", "").strip()}
        chosen = scope.request.GET.getlist("trace")
        shown: dict[str, Any] = {"ids": ids, "chosen_count": len(chosen)}
        if not all(ids.values()):
            return {**shown, "others": _others(scope, ids["a"]) if ids["a"] else []}
        a, b = _traces(scope, ids)
        compared = compare(a, b)
        return {
            **shown,
            "compared": compared,
            "sides": [("A", a, *_head(scope, a)), ("B", b, *_head(scope, b))],
            "swap_url": scope.here(a=ids["b"], b=ids["a"]),
            "difference": signed_duration(b.duration_ms - a.duration_ms),
            "rows": [(path, min(path.depth, MAX_INDENT), compared.share(path)) for path in compared.shown],
        }

    def table(self, scope: Scope) -> Table:
        a, b = _traces(scope, {side: scope.filters.get(side, "").strip() for side in "ab"})
        return Table("traces-compared", _COLUMNS, map(_exported, compare(a, b).paths))


def _others(scope: Scope, trace_id: str) -> list[tuple[str, Similar, str]]:
    """Traces that did the same as this one, each with what it is and where both are compared."""
    trace = load(scope.project, trace_id)
    found = similar(trace.roots[0].span) if trace else []
    return [(words, one, scope.here(b=one.trace_id)) for words, one in found]


def _traces(scope: Scope, ids: dict[str, str]) -> tuple[Trace, Trace]:
    """Raises Problem where one is not there."""
    a, b = load(scope.project, ids["a"]), load(scope.project, ids["b"])
    if a is None or b is None:
        gone = ids["a"] if a is None else ids["b"]
        raise Problem(f"This project has no trace {gone[:64]}. It may be older than what is kept.")
    return a, b


def _head(scope: Scope, trace: Trace) -> tuple[str, int]:
    """Where its page is, and how many of its spans failed."""
    failed = sum(span.status == "error" for span in trace.spans)
    return links.trace_url(scope, trace.trace_id), failed


_COLUMNS = (
    "depth", "service_name", "operation_name", "a_span_count", "b_span_count", "a_duration_ms", "b_duration_ms",
    "a_self_ms", "b_self_ms", "only_in",
)  # fmt: skip


def _exported(path: Path) -> tuple[Any, ...]:
    return (
        path.depth, path.service_name, path.operation_name, path.a.span_count, path.b.span_count, path.a.duration_ms,
        path.b.duration_ms, path.a.self_ms, path.b.self_ms, path.only_in,
    )  # fmt: skip
