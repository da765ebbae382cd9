"""OpenAPI of the bodies of foreign formats, as far as their own specs leave something to say."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiResponse

from ingest.protocols.cloudevents.attributes import REQUIRED, VERSION
from ingest.protocols.cloudevents.wire import BATCHED, STRUCTURED
from ingest.protocols.segment.calls import CALLS
from ingest.protocols.segment.wire import MAX_BATCH_EVENTS
from ingest.schemas import INGEST_ANSWER

_TEXT: dict[str, Any] = {"type": "string", "minLength": 1}
_CLOUDEVENT: dict[str, Any] = {
    "type": "object",
    "required": list(REQUIRED),
    "properties": {
        "specversion": {"type": "string", "enum": [VERSION]},
        "id": {**_TEXT, "maxLength": 200, "description": "Stored once together with `source`."},
        "source": {**_TEXT, "format": "uri-reference"},
        "type": {**_TEXT, "description": "Becomes `event_name`."},
        "subject": {**_TEXT, "description": "A tag; `user:<id>` and `user/<id>` are the `user_id`, too."},
        "time": {"type": "string", "format": "date-time"},
        "datacontenttype": _TEXT,
        "dataschema": {**_TEXT, "format": "uri"},
        "data": {"description": "An object becomes `properties`; anything else `properties.data`."},
        "data_base64": {"type": "string", "format": "byte"},
    },
    "additionalProperties": True,
    "description": "Extensions become tags under their names.",
}


def cloudevents_schema() -> dict[str, Any]:
    """Bodies by media type; binary mode has its attributes in `ce-` headers and any body."""
    batch = {"type": "array", "maxItems": 10_000, "items": _CLOUDEVENT}
    return {STRUCTURED: _CLOUDEVENT, BATCHED: batch}


CLOUDEVENTS_ANSWERS: dict[int, OpenApiResponse] = {
    200: OpenApiResponse(INGEST_ANSWER, description="CloudEvents stored; counts as in 202."),
}

_ID: dict[str, Any] = {"type": "string", "maxLength": 200}
_CALL_MEMBERS: dict[str, Any] = {
    "userId": _ID,
    "anonymousId": _ID,
    "messageId": {**_ID, "description": "Stored once."},
    "timestamp": {"type": "string", "format": "date-time"},
    "sentAt": {"type": "string", "format": "date-time", "description": "Sets a wrong clock right."},
    "event": {"type": "string", "description": "What was tracked; required by `track`."},
    "name": {"type": "string", "description": "Of a page or screen."},
    "category": {"type": "string"},
    "groupId": {**_ID, "description": "Required by `group`."},
    "previousId": {**_ID, "description": "Required by `alias`."},
    "properties": {"type": "object"},
    "traits": {"type": "object"},
    "context": {"type": "object"},
    "integrations": {"type": "object"},
    "writeKey": {"type": "string", "description": "The API key, where no header has it."},
}


def segment_call_schema() -> dict[str, Any]:
    """The body of one call."""
    return {"application/json": {"type": "object", "properties": _CALL_MEMBERS}}


def segment_batch_schema() -> dict[str, Any]:
    """The body of a batch."""
    types = {"type": {"type": "string", "enum": list(CALLS)}}
    item = {"type": "object", "required": ["type"], "properties": {**types, **_CALL_MEMBERS}}
    members = {name: _CALL_MEMBERS[name] for name in ("context", "integrations", "sentAt", "writeKey")}
    items = {"type": "array", "maxItems": MAX_BATCH_EVENTS, "items": item}
    return {
        "application/json": {
            "type": "object",
            "required": ["batch"],
            "properties": {"batch": items, **members},
        }
    }


SEGMENT_ANSWERS: dict[int, OpenApiResponse] = {
    200: OpenApiResponse(
        {
            "type": "object",
            "required": ["success"],
            "properties": {
                "success": {"type": "boolean"},
                "rejected": {"type": "integer", "description": "Left out where nothing was."},
                "errors": INGEST_ANSWER["properties"]["errors"],
                "errors_truncated": {"type": "integer"},
            },
        },
        description="Taken; calls that could not be stored are named in `errors`.",
    ),
    **{
        status: OpenApiResponse(
            {
                "type": "object",
                "properties": {
                    "success": {"type": "boolean"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
            description=words,
        )
        for status, words in {
            400: "Too large, no JSON, or no list `batch`. Nothing was stored.",
            401: "No API key, or a wrong one.",
            403: "The key lacks the scope `ingest`, or is not for this origin.",
            429: "Past the key's rate; see Retry-After and X-RateLimit-Reset.",
            503: "The store can't take it now; see Retry-After. Nothing was stored.",
        }.items()
    },
}
