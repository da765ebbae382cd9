"""Matchers asked of one event as the API gives it. Says what `conditions` says of its row."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from analytics.matchers.matcher import Comparison, Filter, Matcher

_COMPARE: dict[Comparison, Callable[[Any, Any], bool]] = {
    "greater": operator.gt,
    "less": operator.lt,
    "greater_or_equal": operator.ge,
    "less_or_equal": operator.le,
}


def matches(matcher: Matcher, event: Mapping[str, Any]) -> bool:
    """Whether an event counts; its fields under the names of the API, objects in `tags` and `properties`."""
    return is_met(matcher, lambda one: _holds(one, event))


def is_met(matcher: Matcher, holds: Callable[[Filter], bool]) -> bool:
    """Whether a matcher is met where `holds` says which filters are; it is asked of none that is a `not`."""
    for one in (*matcher.named, *matcher.filters):
        if all(map(holds, one.plain)) == (one.operator == "not"):
            return False
    return not matcher.any_of or any(is_met(one, holds) for one in matcher.any_of)


def text_at(event: Mapping[str, Any], column: str) -> str:
    """The column's text, "" where it is missing: as PostgreSQL writes it."""
    value = _value(event, column)
    if column == "duration_ms" and value is not None:
        return _float_text(float(value))
    return _json_text(value)


def _holds(one: Filter, event: Mapping[str, Any]) -> bool:
    text = text_at(event, one.column)
    match one.operator:
        case "equals" | "one_of":
            return text in one.texts
        case "contains":
            return one.texts[0] in text
        case "exists":
            return (text != "") == one.is_there
        case "not":
            raise ValueError("not holds others")
        case comparison:
            value = _value(event, one.column)
            if isinstance(value, bool) or not isinstance(value, int | float):
                return False
            return _COMPARE[comparison](Decimal(repr(value)), one.number)


def _value(event: Mapping[str, Any], column: str) -> Any:
    prefix, dot, key = column.partition(".")
    return (event.get(prefix) or {}).get(key) if dot else event.get(column)


def _json_text(value: Any) -> str:
    """`->>` of a value: numbers written out, objects and lists as jsonb prints them."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # jsonb's numbers have no exponent and no negative zero.
        return format(Decimal(repr(value)) + 0, "f") if value else "0.0"
    if isinstance(value, int):
        return str(value)
    return _container_text(value)


def _container_text(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_container_text, value))}]"
    if isinstance(value, dict):
        # jsonb keeps keys by length first.
        keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
        members = (f"{json.dumps(key, ensure_ascii=False)}: {_container_text(value[key])}" for key in keys)
        return f"{{{', '.join(members)}}}"
    if value is None or isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    return _json_text(value)


def _float_text(value: float) -> str:
    """As PostgreSQL writes a double: like `repr`, but without ".0", and with an exponent from 1e15 on."""
    if 1e15 <= abs(value) < 1e16:
        digits = str(int(value)).rstrip("0")
        return f"{digits[0]}{'.' if len(digits) > 1 else ''}{digits[1:]}e+15"
    text = repr(value)
    return text.removesuffix(".0")
