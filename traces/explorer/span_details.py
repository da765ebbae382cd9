"""All that is known of one span, as its panel shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from projects.pages.scope import Scope
from traces.explorer import links
from traces.explorer.trace_parts import event_time
from traces.models import Span
from traces.tree import MILLISECOND

MOST_SHOWN = 200
"""Events, links and attributes of each kind; a span has as many as its program likes."""

LONGEST_SEARCHED = 200
STATUS_WORDS = "otel.status_description"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A key and its value as text; `url` finds all spans that have the same."""

    key: str
    text: str
    url: str = ""


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """`offset_ms` since the span's start; an exception has its type, message and stack trace."""

    name: str
    at: datetime | None
    offset_ms: float | None
    attributes: list[Attribute]
    exception_type: str = ""
    exception_message: str = ""
    stack_trace: str = ""

    @property
    def is_exception(self) -> bool:
        return self.name == "exception" or bool(self.exception_type)


@dataclass(frozen=True, slots=True)
class Link:
    """To a span, mostly of another trace. An instrumentation may give no ids."""

    trace_id: str
    url: str
    attributes: list[Attribute]


def attributes_of(span: Span, scope: Scope) -> list[Attribute]:
    """The tags in order of their keys; short ones lead to all spans with the same."""
    tags = span.tags if isinstance(span.tags, dict) else {}
    return [
        Attribute(key, (text := as_text(tags[key])), _same_url(scope, key, text))
        for key in sorted(tags)[:MOST_SHOWN]
    ]


def status_words(span: Span) -> str:
    """What OpenTelemetry says beside the status."""
    return as_text(span.tags.get(STATUS_WORDS, "")) if isinstance(span.tags, dict) else ""


def events_of(span: Span) -> list[SpanEvent]:
    """In order of time; those without one come first."""
    found = [_event(event, span) for event in _objects(span.events)]
    return sorted(found, key=lambda event: event.offset_ms or 0.0)


def links_of(span: Span, scope: Scope) -> list[Link]:
    return [_link(link, scope) for link in _objects(span.links)]


def as_text(value: Any) -> str:
    """A value of JSON as people read it: texts as they are, all else as JSON."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def raw_json(span: Span) -> str:
    """The span as JSON, under the names it was sent with."""
    names = [field.attname for field in Span._meta.concrete_fields if field.attname != "project_id"]
    values = {name: value for name in names if (value := getattr(span, name)) not in (None, {}, [])}
    return json.dumps(values, default=str, indent=2, ensure_ascii=False)


def _same_url(scope: Scope, key: str, text: str) -> str:
    is_searchable = 0 < len(text) <= LONGEST_SEARCHED and text == text.strip()
    return links.attribute_url(scope, key, text) if is_searchable else ""


def _objects(values: Any) -> Iterator[Mapping[str, Any]]:
    for value in values[:MOST_SHOWN] if isinstance(values, list) else []:
        if isinstance(value, dict):
            yield value


def _plain(values: Any, but: str = "") -> list[Attribute]:
    attributes = values if isinstance(values, dict) else {}
    keys = sorted(key for key in attributes if not (but and key.startswith(but)))
    return [Attribute(key, as_text(attributes[key])) for key in keys[:MOST_SHOWN]]


def _event(event: Mapping[str, Any], span: Span) -> SpanEvent:
    found = event.get("attributes")
    attributes: Mapping[str, Any] = found if isinstance(found, dict) else {}
    at = event_time(event)
    return SpanEvent(
        name=str(event.get("name") or "event"),
        at=at,
        offset_ms=(at - span.start_time) / MILLISECOND if at else None,
        attributes=_plain(attributes, "exception."),
        exception_type=as_text(attributes.get("exception.type", "")),
        exception_message=as_text(attributes.get("exception.message", "")),
        stack_trace=as_text(attributes.get("exception.stacktrace", "")),
    )


def _link(link: Mapping[str, Any], scope: Scope) -> Link:
    trace_id, span_id = str(link.get("trace_id") or ""), str(link.get("span_id") or "")
    url = ""
    # What is no id has no page, and a slash in it would not even have a URL.
    if trace_id.replace("-", "").replace("_", "").isalnum():
        url = links.trace_url(scope, trace_id) + (f"&span_id={span_id}" if span_id.isalnum() else "")
    return Link(trace_id, url, _plain(link.get("attributes")))
