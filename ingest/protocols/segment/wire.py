"""Segment's calls and batches as a wire format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from events.identities import IdentityRecord
from events.records import ForeignEvent
from ingest.protocols.base import Batch, Decoded, FormatError, Head, Refusal
from ingest.protocols.native import check_depth, named_errors
from ingest.protocols.segment.calls import CALLS, Call, Message, Rejected, event_of, flat, time_of
from storage.records import Answer, Outcome, RecordError

MAX_CALL_BYTES = 32 * 1024
MAX_BATCH_BYTES = 500 * 1024
MAX_BATCH_EVENTS = 2500
MAX_SHARED_BYTES = 20_000_000
"""What a batch says once for all its items becomes tags of each: bytes of these tags, over all items."""

PATHS: Mapping[str, Call] = {**{call: call for call in CALLS}, **{call[0]: call for call in CALLS}}
"""The end of the path -> the call. Browser libraries send to the first letters."""

BATCH_PATHS = frozenset({"batch", "b", "import"})
BATCH = "batch"

_decode = msgspec.json.Decoder().decode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])
_items = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)


class SegmentFormat:
    """JSON, whatever it is called: browsers send it as `text/plain`."""

    name = "segment"
    media_types = ("application/json", "text/plain")
    encodings = frozenset({"gzip", "deflate"})

    def takes(self, head: Head) -> bool:
        media_type = head.media_type
        return media_type in ("", *self.media_types) or media_type.endswith("+json")

    def decode(self, body: bytes, head: Head) -> Batch:
        """Raises FormatError where the body is too large, no JSON or not of the shape."""
        members = members_of(body, head)
        call = PATHS.get(_last(head.path))
        items = [msgspec.Raw(body)] if call else _items_of(members)
        events: Decoded[ForeignEvent] = Decoded("events")
        links: Decoded[IdentityRecord] = Decoded("identities")
        if len(items) > MAX_BATCH_EVENTS:
            message = f"a batch has at most {MAX_BATCH_EVENTS} events"
            events.errors = [
                RecordError(index, "", "too_many_events", message) for index in range(len(items))
            ]
            return Batch([events])
        # Of a lone call these are its own; in a batch, what all its items have.
        shared = {} if call else _shared(members, len(items))
        for index, raw in enumerate(items):
            try:
                event, link = _event(call, raw, shared, head.client_address)
            except Rejected as error:
                events.errors.append(RecordError(index, error.field, error.code, error.message))
                continue
            events.records.append((index, event))
            if link:
                links.records.append((index, link))
        return Batch([events, links] if links.records else [events])

    def answer(self, batch: Batch, outcome: Outcome) -> Answer:
        """200 also where calls are rejected, as Segment does: libraries would send them again for nothing."""
        body: dict[str, Any] = {"success": True}
        if outcome.errors:
            body |= {"rejected": len(outcome.errors), **named_errors(outcome.errors)}
        return Answer(200, msgspec.json.encode(body))

    def refuse(self, refusal: Refusal, head: Head) -> Answer:
        """Segment knows no 413: too large is 400. Libraries read `code` and `message`."""
        status = 400 if refusal.status == 413 else refusal.status
        body = {"success": False, "code": refusal.code, "message": refusal.detail, "detail": refusal.detail}
        return Answer(status, msgspec.json.encode(body))

    def excerpts(self, body: bytes, head: Head, indexes: Sequence[int]) -> Mapping[int, bytes]:
        """The JSON of the calls at these places, for the people who sent them."""
        is_call = _last(head.path) in PATHS
        items = [msgspec.Raw(body)] if is_call else _items_of(_members.decode(body))
        return {index: bytes(items[index]) for index in indexes if index < len(items)}


def members_of(body: bytes, head: Head) -> dict[str, msgspec.Raw]:
    """The members of the body, a batch's items not looked into. Raises FormatError as `SegmentFormat.decode`."""
    is_call = _last(head.path) in PATHS
    limit = MAX_CALL_BYTES if is_call else MAX_BATCH_BYTES
    if len(body) > limit:
        raise FormatError(f"A {'call' if is_call else 'batch'} has at most {limit // 1024} KB.")
    try:
        check_depth(body)
        if body.lstrip()[:1] != b"{":
            raise FormatError("The body must be a JSON object.")
        members = _members.decode(body)
        # Members that nobody asks for would pass with wrong texts in them. Items answer for themselves.
        for name, raw in members.items():
            if is_call or name != BATCH:
                _decode(raw)
        return members
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FormatError(f"The body is not valid JSON: {error}.") from None
    except RecursionError:
        raise FormatError("The body nests too deeply.") from None


def write_key(members: Mapping[str, msgspec.Raw]) -> str:
    """The key in the body; '' where there is none."""
    try:
        return _text.decode(members["writeKey"]).strip() if "writeKey" in members else ""
    except msgspec.ValidationError:
        return ""


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def _items_of(members: Mapping[str, msgspec.Raw]) -> list[msgspec.Raw]:
    try:
        items = _items.decode(members[BATCH])
    except (KeyError, msgspec.ValidationError):
        raise FormatError("The body must have a list 'batch'.", "batch") from None
    for index, raw in enumerate(items):
        if len(bytes(raw)) > MAX_CALL_BYTES:
            raise FormatError(
                f"Event {index} of the batch has more than {MAX_CALL_BYTES // 1024} KB.", "batch"
            )
    return items


def _shared(members: Mapping[str, msgspec.Raw], item_count: int) -> Message:
    """What a batch says for all its items. Raises FormatError where that, written out for each, is too much."""
    names = ("context", "integrations", "sentAt")
    shared = {name: _decode(members[name]) for name in names if name in members}
    tag_bytes = sum(len(bytes(members[name])) for name in shared)
    tag_bytes += sum(len(path) for path, _ in flat("context", shared.get("context")))
    if tag_bytes * item_count > MAX_SHARED_BYTES:
        raise FormatError(
            f"The batch's own context and integrations are {tag_bytes // 1024} KB for each of {item_count} events; "
            f"send fewer events, or a smaller context (at most {MAX_SHARED_BYTES // 1_000_000} MB over all events).",
            "context",
        )
    return shared


def _event(
    call: Call | None, raw: msgspec.Raw, shared: Message, client_address: str
) -> tuple[ForeignEvent, IdentityRecord | None]:
    try:
        message = _decode(raw)
    except msgspec.DecodeError as error:
        raise Rejected("", "invalid", f"the call can't be read: {error}") from None
    except UnicodeDecodeError:
        raise Rejected("", "invalid_utf8", "the call is not valid UTF-8") from None
    if not isinstance(message, dict):
        raise Rejected("", "invalid", "a call must be a JSON object")
    # The path of a lone call says what it is.
    named = call or message.get("type")
    if named not in CALLS:
        raise Rejected("type", "invalid", f"type must be one of {', '.join(CALLS)}")
    for name in ("context", "integrations"):
        if isinstance(shared.get(name), dict):
            message[name] = _merged(shared[name], message.get(name))
    return event_of(named, message, _sent_at(shared) or _sent_at(message), client_address)


def _merged(shared: dict[str, Any], own: Any) -> Any:
    """The item wins, member by member (S11)."""
    return {**shared, **own} if isinstance(own, dict) else shared if own is None else own


def _sent_at(message: Message) -> datetime | None:
    """A wrong `sentAt` sets no clock right, but is no reason to lose the event."""
    try:
        return time_of(message, "sentAt")
    except Rejected:
        return None


SEGMENT = SegmentFormat()
