"""One call of Segment's spec as an event, and as a link between ids where it says so.

What has a column goes there. The rest of the context becomes flat tags (`context.page.url`), so that each can be
filtered by; whatever else a call brings becomes a tag under its own name. Traits are the properties of `identify` and
`group`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, get_args

from events.identities import IdentityRecord
from events.records import ForeignEvent, is_address
from ingest.protocols.texts import MAX_ID, MAX_USER_AGENT, cut_into
from storage.fields import MAX_NAME
from storage.times import parse_time, utc_time

Call = Literal["track", "identify", "page", "screen", "group", "alias"]
CALLS: tuple[Call, ...] = get_args(Call)

ANY_SOURCE = ""
"""messageIds are unique whatever library sent them."""

_MAPPED = frozenset(
    {
        *("type", "messageId", "userId", "anonymousId", "timestamp", "originalTimestamp"),
        # Of no use once the time is set right; and a key must not be kept where people read.
        *("context", "sentAt", "receivedAt", "writeKey"),
    }
)
_MAPPED_OF: dict[Call, frozenset[str]] = {
    "track": frozenset({"event", "properties"}),
    "identify": frozenset({"traits"}),
    "page": frozenset({"name", "category", "properties"}),
    "screen": frozenset({"name", "category", "properties"}),
    "group": frozenset({"groupId", "traits"}),
    "alias": frozenset(),
}

Message = dict[str, Any]


class Rejected(ValueError):
    """This call can't become an event: which field, what kind, in words."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.field = field
        self.code = code
        self.message = message


def event_of(
    call: Call, message: Message, sent_at: datetime | None, client_address: str
) -> tuple[ForeignEvent, IdentityRecord | None]:
    """The event of a call, and the link it makes. Raises Rejected."""
    user_id, anonymous_id = _id(message, "userId"), _id(message, "anonymousId")
    if not (user_id or anonymous_id):
        raise Rejected("userId", "no_user_anon_id", "userId or anonymousId is required")
    link = _link(call, message, user_id, anonymous_id)
    context = dict(_object(message, "context"))
    tags = _rest(call, message)
    category = _text(message, "category") if "category" in _MAPPED_OF[call] else None
    event = ForeignEvent(
        event_name=_name(call, message, tags),
        event_type=call,
        event_category=cut_into(tags, "category", category) if category else "",
        timestamp=_timestamp(message),
        sent_at=sent_at,
        id=_id(message, "messageId"),
        id_scope=ANY_SOURCE,
        user_id=user_id,
        anonymous_id=anonymous_id,
        tenant_id=_group(call, message, context),
        session_id=_taken(context, "sessionId"),
        source=_library(context),
        source_ip=_address(context, client_address),
        user_agent=_user_agent(context, tags),
        tags=tags,
        properties=_object(message, "traits" if call in ("identify", "group") else "properties"),
    )
    tags.update(flat("context", context))
    return event, link


def time_of(message: Message, name: str) -> datetime | None:
    """A time of a message; None where there is none. Raises Rejected."""
    value = message.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, str):
            return parse_time(value)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return utc_time(value)
    except ValueError as error:
        raise Rejected(name, "invalid", str(error)) from None
    raise Rejected(name, "invalid", f"{name} must be a text")


def _timestamp(message: Message) -> datetime | None:
    return time_of(message, "timestamp") or time_of(message, "originalTimestamp")


def _link(
    call: Call, message: Message, user_id: str | None, anonymous_id: str | None
) -> IdentityRecord | None:
    if call == "alias":
        previous_id = _id(message, "previousId")
        if not user_id or not previous_id:
            missing = "previousId" if user_id else "userId"
            raise Rejected(missing, "required", f"{missing} is required")
        return IdentityRecord(identifier=previous_id, user_id=user_id)
    if call == "identify" and user_id and anonymous_id:
        return IdentityRecord(identifier=anonymous_id, user_id=user_id)
    return None


def _name(call: Call, message: Message, tags: dict[str, Any]) -> str:
    """What was tracked, or the page's or screen's name; the call itself where nothing is named."""
    if call == "track":
        name = _text(message, "event")
        if not name:
            raise Rejected("event", "required", "event is required")
        return cut_into(tags, "event", name)
    if call in ("page", "screen") and (name := _text(message, "name")):
        return cut_into(tags, "name", name)
    return call


def _group(call: Call, message: Message, context: dict[str, Any]) -> str | None:
    if call != "group":
        return _taken(context, "groupId")
    group_id = _id(message, "groupId")
    if not group_id:
        raise Rejected("groupId", "required", "groupId is required")
    return group_id


def _rest(call: Call, message: Message) -> dict[str, Any]:
    """What has no place of its own, except what says nothing."""
    mapped = _MAPPED_OF[call]
    return {
        name: value
        for name, value in message.items()
        if name not in _MAPPED and name not in mapped and value is not None and value != {}
    }


def _id(message: Message, name: str) -> str | None:
    """An id as text: libraries send numbers, too. Ids are never cut."""
    value = message.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise Rejected(name, "invalid", f"{name} must be a text")
    if len(text := str(value)) > MAX_ID:
        raise Rejected(name, "too_long", f"{name} is longer than {MAX_ID} characters")
    return text


def _text(message: Message, name: str) -> str | None:
    value = message.get(name)
    if value is not None and not isinstance(value, str):
        raise Rejected(name, "invalid", f"{name} must be a text")
    return value


def _object(message: Message, name: str) -> dict[str, Any]:
    value = message.get(name)
    if value is not None and not isinstance(value, dict):
        raise Rejected(name, "invalid", f"{name} must be an object")
    return value or {}


def _taken(context: dict[str, Any], name: str) -> str | None:
    """An id out of the context, which keeps what is none."""
    value = context.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int)) or not 0 < len(str(value)) <= MAX_ID:
        return None
    del context[name]
    return str(value)


def _library(context: dict[str, Any]) -> str | None:
    library = context.get("library")
    name = library.get("name") if isinstance(library, dict) else library
    return name if isinstance(name, str) and 0 < len(name) <= MAX_ID else None


def _address(context: dict[str, Any], client_address: str) -> str | None:
    """The client's address as the library knows it; our own look at it only where the call says that it is direct."""
    given = context.get("ip")
    if isinstance(given, str) and is_address(given):
        del context["ip"]
        return given
    is_direct = context.get("direct") is True
    return client_address if is_direct and is_address(client_address) else None


def _user_agent(context: dict[str, Any], tags: dict[str, Any]) -> str | None:
    if not isinstance(context.get("userAgent"), str):
        return None
    return cut_into(tags, "context.userAgent", context.pop("userAgent"), MAX_USER_AGENT) or None


def flat(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Objects within objects as one level of dotted names; the depth is that of the JSON, 200 at most.

    What is below a long name stays an object: the name would be written out again for each member.
    """
    if not isinstance(value, dict) or len(path) > MAX_NAME:
        yield path, value
        return
    for name, inner in value.items():
        yield from flat(f"{path}.{name}", inner)
