"""OpenAPI of the ingest bodies, made from the structs that decode them."""

from __future__ import annotations

from typing import Any

import msgspec
from drf_spectacular.utils import OpenApiResponse

from ingest.protocols.beacons import MEDIA_TYPE, WRITE_KEY

INGEST_ANSWER: dict[str, Any] = {
    "type": "object",
    "required": ["accepted", "duplicates", "rejected", "errors"],
    "properties": {
        "accepted": {"type": "integer"},
        "duplicates": {"type": "integer"},
        "rejected": {"type": "integer"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "index": {"type": "integer"},
                    "field": {"type": "string"},
                    "code": {"type": "string"},
                    "message": {"type": "string"},
                },
            },
        },
        "errors_truncated": {"type": "integer"},
    },
}

_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["detail", "code"],
    "properties": {"detail": {"type": "string"}, "code": {"type": "string"}},
}
INGEST_ANSWERS: dict[int, OpenApiResponse] = {
    202: OpenApiResponse(
        INGEST_ANSWER, description="Stored; records that could not be are named in `errors`."
    ),
    400: OpenApiResponse(_ERROR, description="No JSON, or not of this shape. Nothing was stored."),
    401: OpenApiResponse(_ERROR, description="No API key, or a wrong one."),
    403: OpenApiResponse(_ERROR, description="The key lacks the scope `ingest`, or is not for this origin."),
    413: OpenApiResponse(_ERROR, description="More than 20 MB, 50 MB inflated, or 10,000 records."),
    415: OpenApiResponse(_ERROR, description="Another media type or encoding."),
    422: OpenApiResponse(_ERROR, description="The Idempotency-Key was used with another body."),
    429: OpenApiResponse(_ERROR, description="Past the key's rate; see Retry-After."),
    503: OpenApiResponse(
        _ERROR, description="The store can't take it now; see Retry-After. Nothing was stored."
    ),
}


def body_schema(record: type[msgspec.Struct], key: str) -> dict[str, Any]:
    """`{"<key>": [record, ...]}` as JSON Schema under the media type, in the form drf-spectacular takes."""
    schema, components = msgspec.json.schema_components([record])
    name = record.__name__
    definition = components.get(name, schema[0])
    body: dict[str, Any] = {
        "type": "object",
        "required": [key],
        "properties": {key: {"type": "array", "maxItems": 10_000, "items": definition}},
    }
    write_key = {"type": "string", "description": "The API key, where it is in no header and not in the URL."}
    beacon = {**body, "properties": {**body["properties"], WRITE_KEY: write_key}}
    return {"application/json": body, MEDIA_TYPE: beacon}
