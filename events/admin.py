from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from events import persons
from events.explorer.summaries import title_of
from events.links import trace_url
from events.models import Event
from events.queries import newest_by_id
from projects.admin_base import ProjectFilter, ReadOnlyTelemetryAdmin, example_command

SEARCHED = ("event_name", "event_type", "user_id", "anonymous_id", "session_id", "tenant_id", "trace_id")

SHOWN_TITLE = 120


class SinceFilter(admin.SimpleListFilter):
    """Of the last hour, day or week; the key serves it."""

    title = "time"
    parameter_name = "since_hours"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("1", "Last hour"), ("24", "Last day"), ("168", "Last week")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        if self.value() not in {"1", "24", "168"}:
            return queryset
        return queryset.filter(event_timestamp__gte=timezone.now() - timedelta(hours=int(self.value() or 1)))


class SeverityFilter(admin.SimpleListFilter):
    """The usual words; a list of what is stored would have to read all of it."""

    title = "severity"
    parameter_name = "severity"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(word, word.capitalize()) for word in ("info", "warning", "error", "critical")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(severity=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(ReadOnlyTelemetryAdmin):
    """Events, newest first; searched by exact name, person, session, tenant, trace or id."""

    keyset = ("event_timestamp", "id")
    list_display = (
        "event_timestamp",
        "what",
        "event_type",
        "severity",
        "user_id",
        "tenant_id",
        "source",
    )
    list_display_links = ("event_timestamp", "what")
    list_filter = (ProjectFilter, SinceFilter, SeverityFilter)
    empty_words = "Events and log records of your applications. None has arrived in this project."
    empty_command = example_command("events", '{"event_name": "hello"}')
    search_fields = ("event_name",)
    search_help_text = "Exact event name or type, user, anonymous, session, tenant or trace id, or event id"
    fieldsets = (
        (None, {"fields": ("event_name", "event_type", "event_category", "severity", "event_timestamp")}),
        (
            "Who",
            {
                "fields": (
                    "person",
                    "user_id",
                    "anonymous_id",
                    "tenant_id",
                    "session_id",
                    "source_ip",
                    "user_agent",
                )
            },
        ),
        ("Where", {"fields": ("source", "trace", "span_id", "duration_ms")}),
        ("Data", {"fields": ("tags_json", "properties_json")}),
        ("Record", {"fields": ("project", "id", "client_id", "received_at")}),
    )
    readonly_fields = ("person", "trace", "tags_json", "properties_json")

    class Media:
        css = {"all": ("events/record.css",)}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Event], search_term: str
    ) -> tuple[QuerySet[Event], bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        event = newest_by_id(queryset, term)
        if event:
            return queryset.filter(id=event.id), False
        wanted = Q()
        for column in SEARCHED:
            wanted |= Q(**{column: term})
        return queryset.filter(wanted), False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Event | None:
        """The newest event with this id: ids repeat over times."""
        return newest_by_id(self.rows_of_page(request), object_id)

    @admin.display(description="person", empty_value="-")
    def person(self, event: Event) -> str | None:
        """Whose event it is, where its own ids don't say it."""
        identifier = event.user_id or event.anonymous_id
        found = persons.person(event.project_id, identifier) if identifier else None
        return found if found != identifier else None

    @admin.display(description="event")
    def what(self, event: Event) -> str:
        return Truncator(title_of(event)).chars(SHOWN_TITLE)

    @admin.display(description="trace id", empty_value="-")
    def trace(self, event: Event) -> SafeString | None:
        if not event.trace_id:
            return None
        url = trace_url(event.trace_id, {"project": str(event.project_id)})
        return format_html('<a class="underline" href="{}"><code>{}</code></a>', url, event.trace_id)

    @admin.display(description="tags")
    def tags_json(self, event: Event) -> SafeString:
        return _pretty(event.tags)

    @admin.display(description="properties")
    def properties_json(self, event: Event) -> SafeString:
        return _pretty(event.event_data)


def _pretty(value: Any) -> SafeString:
    text = json.dumps(value, indent=2, ensure_ascii=False)
    return format_html('<pre class="event-json">{}</pre>', text)
