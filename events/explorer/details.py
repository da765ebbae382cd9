"""One event whole: every field with what one can do about it, and where it leads."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse

from events.explorer.fields import MAX_KEY_LENGTH, NAMES
from events.explorer.listing import column_url
from events.explorer.selection import COUNTED_BY, EVENT, EVENT_TIME, Selection
from events.explorer.summaries import BODY, body_of, state_of, text_of
from events.links import rule_parameters, trace_url
from events.models import Event
from events.queries import newest_by_id
from events.serializers import EventSerializer
from projects.pages.page import Problem
from projects.pages.time_range import TimeRange
from storage.times import parse_time

MAX_FIELDS = 200
MAX_VALUE_LENGTH = 1000
MAX_JSON_LENGTH = 200_000
"""Characters; browsers get slow beyond, and the API has all of it."""

AROUND = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Detail:
    """A field's value and the pages it leads to; those that make no sense for it are ""."""

    name: str
    value: str
    url: str = ""
    url_without: str = ""
    column_url: str = ""
    by_url: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """Where an event leads."""

    words: str
    url: str
    icon: str


def opened_event(selection: Selection) -> Event:
    """The event that the URL names. Raises Problem."""
    filters = selection.scope.filters
    events = Event.objects.filter(project_id=selection.project_id)
    identifier, at = _uuid(filters.get(EVENT, "")), _moment(filters.get(EVENT_TIME, ""))
    if identifier and at:
        event = events.filter(event_timestamp=at, id=identifier).first()
    else:
        event = newest_by_id(events, filters.get(EVENT, ""))
    if event is None:
        raise Problem("This event isn't there any more: its day may have been purged.")
    return event


def context_of(selection: Selection, event: Event) -> dict[str, Any]:
    """What the template shows."""
    body = body_of(event)
    properties = event.event_data
    if body:
        # Shown by itself, above.
        properties = {key: value for key, value in properties.items() if key != BODY}
    whole = json.dumps(EventSerializer(event).data, indent=2, ensure_ascii=False, default=str)
    return {
        "event": event,
        "state": state_of(event.severity),
        "body": body,
        "ways": ways_of(selection, event),
        "columns": list(_columns(selection, event)),
        "tags": _members(selection, "tags", event.tags),
        "properties": _members(selection, "properties", properties),
        "whole": whole[:MAX_JSON_LENGTH],
        "is_cut": len(whole) > MAX_JSON_LENGTH,
        "page_url": f"{reverse('admin:events_event_change', args=[event.id])}?project={event.project_id}",
        "close_url": selection.scope.here(**{EVENT: None, EVENT_TIME: None}),
    }


def ways_of(selection: Selection, event: Event) -> list[Way]:
    """To its trace, session and person, to events like it, and to a rule about such events."""
    about, here = _parameters(selection, event), reverse("explore_events")

    def way(words: str, icon: str, page: str, **others: str) -> Way:
        return Way(words, f"{page}?{urlencode({**about, **others})}", icon)

    ways = []
    if event.trace_id:
        ways.append(Way("Trace", trace_url(event.trace_id, about), "account_tree"))
    if event.session_id:
        ways.append(way("Session", "timeline", here, session_id=event.session_id))
    if person := event.user_id or event.anonymous_id:
        ways.append(way("All events of this user", "person", here, person=person))
        ways.append(way("Timeline of this user", "history", reverse("explore_person", args=[person])))
    alike = _likeness(event)
    ways.append(way("Similar events", "search", here, **alike))
    ways.append(way("Make a rule", "add_alert", reverse("admin:alerting_rule_add"), **rule_parameters(alike)))
    return ways


def _parameters(selection: Selection, event: Event) -> dict[str, str]:
    """Of other pages about the same time; where a link led to an event outside it, about the event's own."""
    scope, at = selection.scope, event.event_timestamp
    if scope.range.start <= at < scope.range.end:
        return scope.parameters
    around = TimeRange(at - AROUND, at + AROUND)
    return {"project": str(event.project_id), **around.parameters}


def _likeness(event: Event) -> dict[str, str]:
    alike = {"event_name": event.event_name, "event_type": event.event_type, "severity": event.severity or ""}
    return {name: value for name, value in alike.items() if value}


def _columns(selection: Selection, event: Event) -> Iterable[Detail]:
    for name in NAMES:
        value = text_of(getattr(event, name))
        if value:
            yield _detail(selection, name, value)


def _members(selection: Selection, prefix: str, found: Any) -> Sequence[Detail]:
    """The members of a JSON object; nested ones are shown, but not filtered by."""
    members = list(found.items())[:MAX_FIELDS] if isinstance(found, dict) else []
    return [
        Detail(f"{prefix}.{key}", _cut(text_of(value)))
        if isinstance(value, dict | list) or not 0 < len(key) <= MAX_KEY_LENGTH
        # JSON's text of a fraction need not be Python's.
        else _detail(selection, f"{prefix}.{key}", text_of(value), is_exact=not isinstance(value, float))
        for key, value in members
    ]


def _detail(selection: Selection, name: str, value: str, *, is_exact: bool = True) -> Detail:
    is_exact = is_exact and len(value) <= MAX_VALUE_LENGTH
    return Detail(
        name,
        _cut(value),
        selection.having(name, value) if is_exact else "",
        selection.without(name, value) if is_exact else "",
        column_url(selection, name) if "," not in name else "",
        selection.scope.here(**{COUNTED_BY: name}),
    )


def _cut(text: str) -> str:
    return text if len(text) <= MAX_VALUE_LENGTH else f"{text[: MAX_VALUE_LENGTH - 1]}…"


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    try:
        return parse_time(text)
    except ValueError:
        return None
