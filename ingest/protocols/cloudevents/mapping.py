"""A checked CloudEvent as an event of the platform."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from events.records import ForeignEvent
from ingest.protocols.cloudevents.attributes import Attributes
from ingest.protocols.texts import MAX_ID, cut_into
from ingest.protocols.traceparent import parse_traceparent
from storage.records import RecordError

EVENT_TYPE = "cloudevent"
USER_PREFIXES = ("user:", "user/")
_MAPPED = frozenset({"specversion", "id", "source", "type", "time"})
"""Attributes with a place of their own; all others are tags."""


def record_of(
    index: int, attributes: Attributes, properties: dict[str, Any] | None
) -> ForeignEvent | RecordError:
    """The event; an error where an id is longer than ids may be, which makes no CloudEvent invalid."""
    source = str(attributes["source"])
    subject = str(attributes.get("subject", ""))
    event_id = str(attributes["id"])
    user_id = subject[len(USER_PREFIXES[0]) :] if subject.startswith(USER_PREFIXES) else None
    for name, text in (("id", event_id), ("subject", user_id or "")):
        if len(text) > MAX_ID:
            return RecordError(index, name, "too_long", f"{name} is longer than {MAX_ID} characters")
    tags: dict[str, Any] = {name: value for name, value in attributes.items() if name not in _MAPPED}
    time = attributes.get("time")
    trace_id, span_id = parse_traceparent(str(attributes.get("traceparent", "")))
    return ForeignEvent(
        event_name=cut_into(tags, "type", str(attributes["type"])),
        event_type=EVENT_TYPE,
        timestamp=time if isinstance(time, datetime) else None,
        id=event_id,
        id_is_text=True,
        id_scope=source,
        source=cut_into(tags, "source", source),
        user_id=user_id or None,
        trace_id=trace_id,
        span_id=span_id,
        tags=tags,
        properties=properties,
    )
