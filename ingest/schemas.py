"""OpenAPI of the ingest bodies, made from the structs that decode them."""

from __future__ import annotations

from typing import Any

import msgspec

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


def body_schema(record: type[msgspec.Struct], key: str) -> dict[str, Any]:
    """`{"<key>": [record, ...]}` as JSON Schema under the media type, in the form drf-spectacular takes."""
    schema, components = msgspec.json.schema_components([record])
    name = record.__name__
    definition = components.get(name, schema[0])
    body = {
        "type": "object",
        "required": [key],
        "properties": {key: {"type": "array", "maxItems": 10_000, "items": definition}},
    }
    return {"application/json": body}
