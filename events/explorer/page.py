"""The page "Events": its parts, and what each shows."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.urls import reverse

from events.columns import columns_in_words
from events.explorer import details
from events.explorer.breakdown import OFFERED, USUAL, count, rows_of
from events.explorer.chart import chart_of
from events.explorer.facets import facets_of
from events.explorer.fields import field_of
from events.explorer.listing import column_choices, columns_of, listed, newest
from events.explorer.people import person_of
from events.explorer.selection import (
    COUNTED_BY,
    CURSOR,
    EVENT,
    EVENT_TIME,
    LIVE,
    SEARCH,
    Selection,
    selection_of,
)
from events.explorer.table import COLUMNS
from events.links import rule_parameters
from events.models import Event
from projects.admin_base import example_command
from projects.pages.exporting import Table
from projects.pages.page import Page, Problem
from projects.pages.scope import Scope
from projects.pages.time_range import TimeRange

EXPORT_LIMIT = 10_000
LIVE_SECONDS = {"list": 5, "counts": 15, "facets": 60}
"""Between refreshes of a live page, by panel."""


class EventsPage(Page):
    """Search, counts over time and by a field, facets, the list, and one event whole."""

    title = "Events"
    template = "events/explorer.html"
    permission = "events.view_event"
    panels = {
        "counts": "events/counts.html",
        "facets": "events/facets.html",
        "list": "events/list.html",
        "person": "events/person.html",
        "event": "events/event.html",
    }

    def context(self, scope: Scope) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "search": scope.filters.get(SEARCH, ""),
            "kept": _others(scope, SEARCH, CURSOR, EVENT, EVENT_TIME),
            "fields": columns_in_words(),
        }
        try:
            selection = selection_of(scope)
            _counted_by(scope)
        except Problem as problem:
            # The search box stays, so that the search can be mended.
            return {**shown, "problem": str(problem)}
        is_live = bool(scope.filters.get(LIVE))
        return {
            **shown,
            "selection": selection,
            "chips": selection.chips,
            "is_live": is_live,
            "live_url": selection.url(**{LIVE: None if is_live else "1"}),
            "live_seconds": LIVE_SECONDS if is_live else {},
            "opens": bool(scope.filters.get(EVENT)),
            "rule_url": _rule_url(selection),
        }

    def panel_counts(self, scope: Scope) -> dict[str, Any]:
        selection, by = selection_of(scope), _counted_by(scope)
        counts = count(selection, by or USUAL)
        return {
            "counts": counts,
            "chart": chart_of(counts, scope, by),
            "by": by,
            "offered": list(dict.fromkeys([*OFFERED, *filter(None, [by])])),
            "kept": _others(scope, COUNTED_BY),
            **rows_of(selection, counts),
        }

    def panel_facets(self, scope: Scope) -> dict[str, Any]:
        return {"found": facets_of(selection_of(scope))}

    def panel_list(self, scope: Scope) -> dict[str, Any]:
        selection = selection_of(scope)
        found, columns = listed(selection), columns_of(selection)
        return {
            "found": found,
            "columns": [(field.name, scope.here(**{COUNTED_BY: field.name})) for field in columns],
            "choices": column_choices(selection),
            "is_short": scope.range.length < timedelta(days=1),
            "is_filtered": bool(selection.terms),
            "export_filters": selection.parameters,
            **({} if found.rows else _when_empty(selection)),
        }

    def panel_person(self, scope: Scope) -> dict[str, Any]:
        return {"person": person_of(selection_of(scope))}

    def panel_event(self, scope: Scope) -> dict[str, Any]:
        selection = selection_of(scope)
        return details.context_of(selection, details.opened_event(selection))

    def table(self, scope: Scope) -> Table:
        """The newest EXPORT_LIMIT events that match."""
        return Table(
            "events", list(COLUMNS), newest(selection_of(scope), EXPORT_LIMIT, list(COLUMNS.values()))
        )


def _others(scope: Scope, *left_out: str) -> dict[str, str]:
    """What a form that changes something has to keep of the URL."""
    return {name: value for name, value in scope.filters.items() if name not in left_out}


def _counted_by(scope: Scope) -> str:
    """The field that the URL names; "" for none. Raises Problem."""
    given = scope.filters.get(COUNTED_BY, "")
    return field_of(given).name if given else ""


def _rule_url(selection: Selection) -> str:
    equal = {term.field: term.value for term in selection.terms if term.operator == "=" and term.value}
    return selection.scope.url(reverse("admin:alerting_rule_add"), **rule_parameters(equal))


def _when_empty(selection: Selection) -> dict[str, Any]:
    """What to do about an empty list: look where there is something, or send a first event."""
    scope = selection.scope
    events = Event.objects.filter(project_id=selection.project_id).order_by("-event_timestamp", "-id")
    last_at = events.values_list("event_timestamp", flat=True).first()
    if last_at is None:
        return {"command": example_command("events", '{"event_name": "hello"}')}
    around = TimeRange(last_at - timedelta(hours=1), last_at + timedelta(seconds=1)).parameters
    return {
        "last_at": last_at,
        "last_url": selection.url(range=None, **around),
        "unfiltered_url": scope.url(""),
    }
