"""OTLP log records as events."""

from __future__ import annotations

import hashlib
import uuid
from collections import Counter
from collections.abc import Sequence
from typing import Any

from events.records import ForeignEvent
from ingest.protocols.base import Decoded
from ingest.protocols.otlp import conventions
from ingest.protocols.otlp.envelopes import Contents
from ingest.protocols.otlp.messages import LogRecord, Message
from ingest.protocols.otlp.origins import Origin, OriginReader, merged, text_of, with_origins
from ingest.protocols.otlp.spans import SPAN_ID_BYTES, TRACE_ID_BYTES
from ingest.protocols.otlp.values import (
    AttributeReader,
    Attributes,
    BadRecord,
    moment,
    optional_hex_id,
    parsed,
    parsed_value,
)
from ingest.protocols.texts import cut_into
from storage.texts import cut

EVENT_TYPE = "log"
_SEVERITIES = ("trace", "debug", "info", "warning", "error", "fatal")
_NUMBERS_EACH = 4
"""Each severity has four numbers: INFO, INFO2, INFO3, INFO4."""


def decode_logs(contents: Sequence[Contents]) -> list[Decoded[Any]]:
    """The log records as one part of events."""
    attributes = AttributeReader()
    ids = _Ids()
    part: Decoded[ForeignEvent] = Decoded("events")
    for origin, raws in with_origins(contents, OriginReader(attributes), part.errors):
        for index, raw in raws:
            try:
                event = _event(parsed(LogRecord, raw), origin, attributes)
            except BadRecord as error:
                part.errors.append(error.at(index))
                continue
            if event.timestamp is not None:
                event.id = ids.next(origin, raw)
            part.records.append((index, event))
    return [part]


class _Ids:
    """Log records have no id, and clients send a batch again: one is made of all that a record holds."""

    def __init__(self) -> None:
        self._occurrences: Counter[bytes] = Counter()

    def next(self, origin: Origin, raw: bytes) -> str:
        """The same for the same record; of equal ones in a batch each has its own."""
        digest = hashlib.blake2b(digest_size=16)
        for part in (origin.resource_bytes, origin.scope_bytes, raw):
            digest.update(len(part).to_bytes(4, "big"))
            digest.update(part)
        found = digest.digest()
        self._occurrences[found] += 1
        if (number := self._occurrences[found]) > 1:
            digest.update(number.to_bytes(4, "big"))
            found = digest.digest()
        return str(uuid.UUID(bytes=found, version=5))


def _event(record: Message, origin: Origin, reader: AttributeReader) -> ForeignEvent:
    attributes = reader.read(record.attributes)
    tags = merged(origin.tags, attributes)
    if dropped := record.dropped_attributes_count:
        tags["otel.dropped_attributes_count"] = dropped
    nanos = record.time_unix_nano or record.observed_time_unix_nano
    name = record.event_name or text_of(attributes.get("event.name")) or EVENT_TYPE
    return ForeignEvent(
        event_type=EVENT_TYPE,
        event_name=cut_into(tags, "event_name", name),
        timestamp=moment(nanos, "timestamp") if nanos else None,
        severity=_severity(record, tags),
        trace_id=optional_hex_id(record.trace_id, TRACE_ID_BYTES, "trace_id"),
        span_id=optional_hex_id(record.span_id, SPAN_ID_BYTES, "span_id"),
        source=cut(origin.service_name) or None,
        user_id=conventions.user_id(attributes),
        session_id=conventions.session_id(attributes),
        tags=tags,
        properties=_properties(record),
    )


def _severity(record: Message, tags: Attributes) -> str | None:
    """One word for each four numbers; what it leaves out of number and text stays in the tags."""
    number, text = record.severity_number, record.severity_text
    if not 1 <= number <= len(_SEVERITIES) * _NUMBERS_EACH:
        return cut_into(tags, "severity", text.lower()) or None
    group, place = divmod(number - 1, _NUMBERS_EACH)
    severity = _SEVERITIES[group]
    if place:
        tags["severity_number"] = number
    if text and text.lower() != severity:
        tags["severity_text"] = text
    return severity


def _properties(record: Message) -> Attributes | None:
    """A structured body is the properties, so that each of its members can be searched; any other is one of them."""
    body = parsed_value(record.body, "body")
    if isinstance(body, dict):
        return body
    return None if body is None else {"body": body}
