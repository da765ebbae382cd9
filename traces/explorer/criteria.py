"""What the reader searches for: the URL's parameters as filters of spans, and back as words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import QuerySet
from django.http import QueryDict
from django.urls import reverse

from projects.pages.page import Problem
from projects.pages.scope import Scope
from storage.ids import normal_trace_id
from traces.filters import SpanFilterSet
from traces.models import Span

SHOWN_IN_FORM = ("service_name", "operation_name", "status", "min_duration_ms", "max_duration_ms")
OF_THE_ROLLUP = ("service_name", "operation_name", "kind")
ABOUT_A_WHOLE_TRACE = {"min_duration_ms", "max_duration_ms"}
"""Asked for alone, durations are meant of traces, so of the spans that they begin with."""

_NOT_FILTERS = {"start", "end", "start_time", "trace_id"}
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Criteria:
    """`fields` are parameters of the read API's filters; `roots_only`: of the first span of each trace."""

    fields: Mapping[str, str]
    roots_only: bool

    @property
    def of_rollup(self) -> dict[str, str]:
        """Those that roll-ups can answer."""
        return {name: self.fields[name] for name in OF_THE_ROLLUP if name in self.fields}

    @property
    def beyond_rollup(self) -> bool:
        """Whether charts of roll-ups show more than what was searched for."""
        return len(self.of_rollup) < len(self.fields)

    @property
    def chips(self) -> list[tuple[str, str]]:
        """What the form has no field for, such as attributes."""
        return [(name, value) for name, value in self.fields.items() if name not in SHOWN_IN_FORM]


def criteria_of(parameters: Mapping[str, str]) -> Criteria:
    """Parameters that are no filters are left out. `match=root` or `match=any` says which spans are meant."""
    fields = {
        name: value
        for name, value in parameters.items()
        if SpanFilterSet.knows(name) and name not in _NOT_FILTERS and "\0" not in name
    }
    match = parameters.get("match", "")
    roots_only = match == "root" or (match != "any" and fields.keys() <= ABOUT_A_WHOLE_TRACE)
    return Criteria(fields, roots_only)


def spans_of(scope: Scope) -> QuerySet[Span]:
    """All spans of the project in the time range."""
    return Span.objects.filter(
        project=scope.project, start_time__gte=scope.range.start, start_time__lt=scope.range.end
    )


def matching(spans: QuerySet[Span], criteria: Criteria) -> QuerySet[Span]:
    """Those of the spans that are searched for. Raises Problem where a value can't be understood."""
    if criteria.roots_only:
        spans = spans.filter(parent_span_id__isnull=True)
    filters = SpanFilterSet(dict(criteria.fields), queryset=spans)
    if not filters.is_valid():
        name, errors = next(iter(filters.form.errors.items()))
        raise Problem(f"{name} is not what it should be: {' '.join(errors)}")
    found: QuerySet[Span] = filters.qs
    return found


def shortcut(parameters: QueryDict) -> str | None:
    """Where a typed attribute or trace id leads: the search with that attribute as a filter, or the trace.

    None where there is neither. Raises Problem where what was typed is neither.
    """
    if trace_id := parameters.get("trace_id", "").strip():
        return _trace(trace_id, parameters.get("project", ""))
    if attribute := parameters.get("attribute", "").strip():
        key, sign, value = (part.strip() for part in attribute.partition("="))
        if not (key and sign and value) or "\0" in attribute:
            raise Problem("Write an attribute as key=value, such as http.route=/pay.")
        kept = parameters.copy()
        for name in ("attribute", "cursor"):
            kept.pop(name, None)
        # A form sends its empty fields, too.
        for name in [name for name, given in kept.items() if not given]:
            del kept[name]
        kept[f"tags.{key.removeprefix('tags.')}"] = value
        return f"{reverse('explore_traces')}?{kept.urlencode()}"
    return None


def _trace(text: str, project: str) -> str:
    if not _ID.fullmatch(text):
        raise Problem("A trace id has 1 to 64 letters, digits, dashes and underscores.")
    query = QueryDict(mutable=True)
    if project:
        query["project"] = project
    url = reverse("explore_trace", args=(normal_trace_id(text),))
    return f"{url}?{query.urlencode()}" if query else url
