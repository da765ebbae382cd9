"""CloudEvents as a wire format: which mode a request is in, its events, the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from events.records import ForeignEvent
from ingest.protocols.base import MAX_RECORDS, Batch, Decoded, FormatError, Head, Refusal, TooManyRecords
from ingest.protocols.cloudevents import payload
from ingest.protocols.cloudevents.attributes import InvalidCloudEvent, checked
from ingest.protocols.cloudevents.headers import REQUIRED_HEADERS, attributes_of, identity_of
from ingest.protocols.cloudevents.mapping import record_of
from ingest.protocols.native import check_depth, named_errors, native_answer
from storage.records import Answer, Outcome, RecordError

PREFIX = "application/cloudevents"
STRUCTURED = "application/cloudevents+json"
BATCHED = "application/cloudevents-batch+json"

INVALID = "invalid"
"""The note of a batch that holds something other than valid CloudEvents: nothing of it is stored."""

_decode = msgspec.json.Decoder().decode
_raws = msgspec.json.Decoder(list[msgspec.Raw])


class CloudEventsFormat:
    """Structured, batched and binary mode (C1 to C3 of the checklist), told apart by the head alone."""

    name = "cloudevents"
    media_types = (STRUCTURED, BATCHED)
    encodings = frozenset({"gzip", "deflate"})

    def takes(self, head: Head) -> bool:
        """Other formats of CloudEvents, such as Avro, are nobody's: 415."""
        if head.media_type.startswith(PREFIX):
            return head.media_type in (STRUCTURED, BATCHED)
        return not REQUIRED_HEADERS.isdisjoint(head.headers)

    def decode(self, body: bytes, head: Head) -> Batch:
        """Raises FormatError where the body is no JSON or not of the shape, TooManyRecords past 10,000."""
        part: Decoded[ForeignEvent] = Decoded("events")
        invalid: list[RecordError] = []
        for index, event in enumerate(_events(body, head)):
            try:
                record = _binary(body, head) if event is None else _structured(index, event)
            except InvalidCloudEvent as error:
                invalid.append(RecordError(index, error.attribute, error.code, error.message))
                continue
            if isinstance(record, RecordError):
                part.errors.append(record)
            else:
                part.records.append((index, record))
        identity = b"" if head.media_type.startswith(PREFIX) else identity_of(head)
        if invalid:
            return Batch([Decoded("events", [], invalid)], INVALID, identity)
        return Batch([part], identity=identity)

    def answer(self, batch: Batch, outcome: Outcome) -> Answer:
        """200 with the counts, as natively; 400 that names each event that is none."""
        if batch.note == INVALID:
            return _invalid_answer(outcome)
        return replace(native_answer(outcome), status=200)

    def refuse(self, refusal: Refusal, head: Head) -> None:
        """Refused in the API's own JSON: the HTTP binding sets no bodies."""

    def excerpts(self, body: bytes, head: Head, indexes: Sequence[int]) -> Mapping[int, bytes]:
        """The JSON of the events at these places, for the people who sent them; nothing of a binary one."""
        try:
            events = _raws.decode(body) if body.lstrip()[:1] == b"[" else [msgspec.Raw(body)]
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}
        return {index: bytes(events[index]) for index in indexes if index < len(events)}


def _events(body: bytes, head: Head) -> list[Any]:
    """The events of the body; None stands for the one whose attributes are in the head."""
    if not head.media_type.startswith(PREFIX):
        return [None]
    try:
        check_depth(body)
        decoded = _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"The body is not valid JSON: {error}.") from None
    except RecursionError:
        raise FormatError("The body nests too deeply.") from None
    if head.media_type == STRUCTURED:
        if not isinstance(decoded, dict):
            raise FormatError("The body must be a JSON object, one CloudEvent.")
        return [decoded]
    if not isinstance(decoded, list):
        raise FormatError("The body must be a JSON array of CloudEvents.")
    if len(decoded) > MAX_RECORDS:
        raise TooManyRecords
    return decoded


def _structured(index: int, event: Any) -> ForeignEvent | RecordError:
    if not isinstance(event, dict):
        raise InvalidCloudEvent("", "a CloudEvent must be a JSON object")
    content_type = event.get("datacontenttype")
    properties = payload.from_members(event, content_type if isinstance(content_type, str) else None)
    return record_of(index, checked(event), properties)


def _binary(body: bytes, head: Head) -> ForeignEvent | RecordError:
    attributes = checked(attributes_of(head))
    # Without a Content-Type senders mean what is the default elsewhere.
    return record_of(0, attributes, payload.from_bytes(body, head.content_type or payload.JSON))


def _invalid_answer(outcome: Outcome) -> Answer:
    errors = outcome.errors
    first = errors[0]
    others = f" and {len(errors) - 1} more" if len(errors) > 1 else ""
    body = {
        "detail": f"Not a valid CloudEvent: {first.message} (event {first.index}{others}). Nothing was stored.",
        "code": "invalid_cloudevent",
        **named_errors(errors),
    }
    return Answer(400, msgspec.json.encode(body))
