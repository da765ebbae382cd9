"""The funnel's question and answer in OpenAPI."""

from __future__ import annotations

from typing import Any, Final, get_args

from analytics.funnels.parsing import DEFAULT_PEOPLE, MAX_EXCLUSIONS, MAX_MINUTES, MAX_PEOPLE, MAX_STEPS
from analytics.funnels.question import Order, Period, Touch
from analytics.matchers.schemas import MATCHER, Schema


def _object(properties: Schema, required: tuple[str, ...] = (), description: str = "") -> Schema:
    found: Schema = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        found["required"] = list(required)
    return {**found, "description": description} if description else found


def _nullable(kind: str, **more: Any) -> Schema:
    return {"type": kind, "nullable": True, **more}


_MINUTES: Final = _nullable("number", minimum=0, exclusiveMinimum=True, maximum=MAX_MINUTES)
_STEP: Final = _object({**MATCHER, "name": {"type": "string"}, "within_minutes": _MINUTES})
_STEP_NUMBER: Final[Schema] = {"type": "integer", "minimum": 1}
_EXCLUSION: Final = _object({**MATCHER, "from_step": _STEP_NUMBER, "to_step": _STEP_NUMBER})
_TIME: Final[Schema] = {"oneOf": [{"type": "string"}, {"type": "number"}], "nullable": True}

_QUESTION: Final[Schema] = {
    "steps": {"type": "array", "items": _STEP, "minItems": 1, "maxItems": MAX_STEPS},
    "order": {"type": "string", "enum": list(get_args(Order)), "default": "ordered"},
    "window_minutes": {
        **_MINUTES,
        "description": "From the first event to the last at most so long; null: no limit.",
    },
    "unit": _nullable(
        "string",
        default="user_id",
        description="What goes through the funnel: `user_id` (persons, with the anonymous ids merged into them), "
        "`session_id`, `tenant_id`, any column, `tags.<key>` or `properties.<key>`.",
    ),
    "exclusions": {
        "type": "array",
        "items": _EXCLUSION,
        "maxItems": MAX_EXCLUSIONS,
        "description": "Events that must not lie between two steps, the first and the last by default.",
    },
    "breakdown": {
        "oneOf": [
            {"type": "string"},
            _object(
                {
                    "by": {"type": "string"},
                    "touch": {"type": "string", "enum": list(get_args(Touch)), "default": "first"},
                    "step": _STEP_NUMBER,
                },
                ("by",),
            ),
        ],
        "nullable": True,
        "description": "A column whose values are told apart: the first or last in a chain, or a step's.",
    },
    "trend": _nullable("string", enum=[*get_args(Period), None], description="Figures by the start, too."),
    "compare": {"type": "boolean", "default": False, "description": "Figures of the range before, too."},
    "start": {**_TIME, "description": "RFC 3339 or a Unix number; all that is kept by default."},
    "end": {**_TIME, "description": "Events before it; none is left out by default."},
}

QUESTION: Final = _object(_QUESTION, ("steps",))

SAVED_QUESTION: Final = _object(
    {name: schema for name, schema in _QUESTION.items() if name not in {"start", "end"}}, ("steps",)
)
"""Of a saved funnel, which is asked of any range."""

PEOPLE_QUESTION: Final = _object(
    {
        **_QUESTION,
        "step": {**_STEP_NUMBER, "description": "Whoever reached it; 1 by default."},
        "lost": {
            "type": "boolean",
            "default": False,
            "description": "Whoever reached the step before it, and not this one.",
        },
        "limit": {"type": "integer", "minimum": 1, "maximum": MAX_PEOPLE, "default": DEFAULT_PEOPLE},
    },
    ("steps",),
)

_NUMBER: Final = _nullable("number")
_FIGURES: Final[Schema] = {
    "steps": {
        "type": "array",
        "items": _object(
            {
                "name": {"type": "string"},
                "count": {"type": "integer"},
                "conversion_ratio": {**_NUMBER, "description": "Of the units that reached the first step."},
                "step_conversion_ratio": {**_NUMBER, "description": "Of those that reached the step before."},
                "median_seconds": {**_NUMBER, "description": "Since the step before."},
                "mean_seconds": _NUMBER,
            },
            ("name", "count", "conversion_ratio", "step_conversion_ratio", "median_seconds", "mean_seconds"),
        ),
    },
    "total_median_seconds": {
        **_NUMBER,
        "description": "From the first event to the last, over units that reached the last step.",
    },
    "total_mean_seconds": _NUMBER,
}
_REQUIRED: Final = tuple(_FIGURES)

_MOMENT: Final[Schema] = {"type": "string", "format": "date-time"}

ANSWER: Final = _object(
    {
        **_FIGURES,
        "breakdown": {
            "type": "array",
            "items": _object({"value": _nullable("string"), **_FIGURES}, ("value", *_REQUIRED)),
        },
        "breakdown_truncated": {"type": "boolean"},
        "trend": {"type": "array", "items": _object({"start": _MOMENT, **_FIGURES}, ("start", *_REQUIRED))},
        "previous": _object(_FIGURES, _REQUIRED),
    },
    _REQUIRED,
)

PEOPLE_ANSWER: Final = _object(
    {
        "count": {"type": "integer"},
        "results": {
            "type": "array",
            "items": _object(
                {
                    "unit": {"type": "string"},
                    "started_at": _MOMENT,
                    "reached_at": _MOMENT,
                    "steps": {"type": "integer"},
                },
                ("unit", "started_at", "reached_at", "steps"),
            ),
        },
    },
    ("count", "results"),
)
