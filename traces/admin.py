from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from projects import figures
from projects.admin_base import KeysetChangeList, ProjectFilter, ReadOnlyTelemetryAdmin
from storage.day_slices import is_any
from storage.ids import normal_trace_id
from traces import links
from traces.examples import FIRST_SPAN
from traces.models import Span
from traces.queries import find_span, of_trace


class SpanChangeList(KeysetChangeList):
    """Links by trace and span id: a span id alone is not unique."""

    def url_for_result(self, result: Span) -> str:
        return links.span_url(result)


@admin.register(Span)
class SpanAdmin(ReadOnlyTelemetryAdmin):
    """Spans, newest first; the page of one leads to its trace."""

    keyset = ("start_time", "trace_id", "span_id")
    list_display = (
        "start_time",
        "service_name",
        "operation_name",
        "duration",
        "outcome",
        "kind",
        "http_status_code",
        "trace",
    )
    list_display_links = ("start_time", "operation_name")
    list_filter = (ProjectFilter, "status", "kind")
    empty_words = "The steps of requests through your services. None has arrived in this project."
    empty_command = FIRST_SPAN
    search_fields = ("operation_name",)
    search_help_text = "Trace id, exact service or user, or part of an operation"
    change_form_outer_before_template = "traces/span_ways.html"
    fieldsets = (
        (None, {"fields": ("service_name", "operation_name", "kind", "status", "start_time", "duration")}),
        ("HTTP", {"fields": ("http_method", "http_url", "http_status_code")}),
        ("Data", {"fields": ("user_id", "tags", "events", "links")}),
        ("Record", {"fields": ("project", "trace_id", "span_id", "parent_span_id", "received_at")}),
    )
    readonly_fields = ("duration",)

    class Media:
        css = {"all": ("traces/spans.css",)}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[SpanChangeList]:
        return SpanChangeList

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Span | None:
        return find_span(self.rows_of_page(request), object_id)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Span], search_term: str
    ) -> tuple[QuerySet[Span], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        found = of_trace(queryset, normal_trace_id(term))
        if is_any(found):
            return found, False
        words = Q(service_name=term) | Q(user_id=term) | Q(operation_name__icontains=term)
        return queryset.filter(words), False

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        span = self.get_object(request, object_id)
        shown = {"trace_url": links.trace_url(span)} if span else {}
        response: HttpResponse = super().change_view(
            request, object_id, form_url, {**shown, **(extra_context or {})}
        )
        return response

    @admin.display(description="duration")
    def duration(self, span: Span) -> SafeString:
        return format_html(
            '<span class="tabular-nums" title="{} ms">{}</span>',
            repr(span.duration_ms),
            figures.duration(span.duration_ms),
        )

    @admin.display(description="status")
    def outcome(self, span: Span) -> str:
        if span.status != "error":
            return span.get_status_display()
        return format_html('<span class="span-status-error">! {}</span>', span.get_status_display())

    @admin.display(description="trace")
    def trace(self, span: Span) -> SafeString:
        return format_html('<a href="{}"><code>{}</code></a>', links.trace_url(span), span.trace_id[:12])
