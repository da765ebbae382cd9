"""A matcher in OpenAPI."""

from __future__ import annotations

from typing import Any, Final, get_args

from analytics.matchers.matcher import Operator

Schema = dict[str, Any]

_VALUE: Final[Schema] = {"oneOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]}

_FILTERS: Final[Schema] = {
    "type": "object",
    "additionalProperties": {
        "oneOf": [
            *_VALUE["oneOf"],
            {"type": "array", "items": _VALUE, "minItems": 1},
            {"type": "object", "minProperties": 1},
        ]
    },
    "description": "By column, `tags.<key>` or `properties.<key>`: a value (equals), a list (one of), or an object of "
    f"operators ({', '.join(get_args(Operator))}), which all have to hold.",
}

_ALTERNATIVE: Final[Schema] = {
    **{name: {"type": "string", "nullable": True} for name in ("event_name", "event_type", "event_category")},
    "filters": _FILTERS,
}

MATCHER: Final[Schema] = {
    **_ALTERNATIVE,
    "any_of": {
        "type": "array",
        "items": {"type": "object", "properties": _ALTERNATIVE, "additionalProperties": False},
        "minItems": 1,
        "description": "Alternatives: one of them has to match as well.",
    },
}
"""The properties of a matcher."""
