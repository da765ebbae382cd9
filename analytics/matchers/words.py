"""A matcher in words, as lists and headings have it. Pure."""

from __future__ import annotations

import re

from analytics.matchers.matcher import Filter, Matcher, Operator

_WORDS: dict[Operator, tuple[str, str]] = {
    "equals": ("is", "is not"),
    "one_of": ("is one of", "is none of"),
    "contains": ("contains", "does not contain"),
    "greater": ("is more than", "is not more than"),
    "less": ("is less than", "is not less than"),
    "greater_or_equal": ("is at least", "is not at least"),
    "less_or_equal": ("is at most", "is not at most"),
}
"""What holds, and what does not; as the matcher editor has it."""


_PLACE = re.compile(r"(?:any_of\[(\d+)\]\.?)?(?:filters\.)?(.*?)(?:\[\d+\])?", re.DOTALL)


def in_words(matcher: Matcher) -> str:
    """`order_paid where properties.amount is more than 10`; alternatives with "or" between them."""
    named = [
        f"{column} is {value}"
        for column in ("event_type", "event_category")
        if (value := getattr(matcher, column))
    ]
    conditions = named + [filter_in_words(one) for one in matcher.filters]
    if matcher.any_of:
        alternatives = " or ".join(in_words(one) for one in matcher.any_of)
        if not (conditions or matcher.event_name):
            return alternatives
        conditions.append(f"({alternatives})")
    event = matcher.event_name or "any event"
    return f"{event} where {' and '.join(conditions)}" if conditions else event


def place_in_words(key: str) -> str:
    """Where a MatcherError's key lies, as the matcher editor shows it: `properties.amount is more than`."""
    found = _PLACE.fullmatch(key)
    assert found  # anything matches
    number, rest = found.groups()
    parts = [f"Event {int(number) + 1}"] if number else []
    return ", ".join([*parts, _operator_in_words(rest)] if rest else parts)


def _operator_in_words(place: str) -> str:
    for operator, (holds, fails) in _WORDS.items():
        for suffix, words in ((f".not.{operator}", fails), (f".{operator}", holds)):
            if place.endswith(suffix):
                return f"{place.removesuffix(suffix)} {words}"
    return place


def filter_in_words(one: Filter) -> str:
    """`properties.amount is more than 10`."""
    if one.operator == "not":
        # Not all of them together: one that fails is enough.
        return f"{one.column} {' or '.join(_test(other, negated=True) for other in one.inner)}"
    return f"{one.column} {_test(one, negated=False)}"


def _test(one: Filter, *, negated: bool) -> str:
    if one.operator == "exists":
        return "is there" if one.is_there != negated else "is missing"
    words = _WORDS[one.operator][negated]
    match one.operator:
        case "equals" | "contains":
            return f"{words} {one.texts[0] or '(empty)'}"
        case "one_of":
            # A whole number is two texts, as clients write it.
            told = [
                text for text in one.texts if text.removesuffix(".0") == text or text[:-2] not in one.texts
            ]
            return f"{words} {', '.join(told)}"
        case _:
            return f"{words} {one.number:f}"
