"""Matchers in conditions: as keys of the condition itself, or as a selection under one key. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import msgspec

from analytics.matchers import (
    EVERY_EVENT,
    MATCHER_KEYS,
    NAMED_COLUMNS,
    Matcher,
    MatcherError,
    filter_in_words,
    in_words,
    parse,
)

MAX_CACHED = 1000
"""Characters. A matcher takes up to thirty times the memory of its JSON: 20,000 such stay well under a gigabyte."""

_FIELD = re.compile(r"(\w+)\.?(.*)", re.DOTALL)


def matcher_of(given: Mapping[str, Any]) -> Matcher:
    """The matcher of these keys, in whichever order they are; without any, every event. Raises MatcherError."""
    if not given:
        return EVERY_EVENT
    text = msgspec.json.encode(given, order="deterministic")
    return _cached(text) if len(text) <= MAX_CACHED else _parsed(text)


def _parsed(text: bytes) -> Matcher:
    return parse(msgspec.json.decode(text))


_cached = lru_cache(maxsize=20_000)(_parsed)
"""Every tick asks for those of all its rules."""


def spelled_out(selected: Mapping[str, Any]) -> dict[str, Any]:
    """A selection of events as the JSON of a matcher; columns may be written beside its keys, as filters.

    A name that is empty asks for events without one.
    """
    named = {key: value for key, value in selected.items() if key in MATCHER_KEYS and value not in ("", {})}
    columns = _columns_of(selected)
    if not columns:
        return named
    filters = named.get("filters") or {}
    return {**named, "filters": {**filters, **columns} if isinstance(filters, Mapping) else filters}


def _columns_of(selected: Mapping[str, Any]) -> dict[str, Any]:
    """Those written beside the keys of a matcher."""
    return {key: value for key, value in selected.items() if key not in MATCHER_KEYS or value == ""}


def selection_error(selected: Mapping[str, Any]) -> str:
    """What is wrong with a selection of events; empty where nothing is."""
    filters = selected.get("filters")
    if isinstance(filters, Mapping) and (twice := filters.keys() & _columns_of(selected).keys()):
        return f"{min(twice)} is given twice."
    key, problem = matcher_error(spelled_out(selected))
    return f"{key}: {problem}" if key and problem else problem


def matcher_error(given: Mapping[str, Any]) -> tuple[str, str]:
    """The key of a matcher that is wrong and what is wrong with it; both empty where nothing is."""
    try:
        found = matcher_of(given)
    except MatcherError as error:
        place = _FIELD.fullmatch(error.key)
        key, inside = place.groups() if place else ("", "")
        return key, f"{inside}: {error.message}" if inside else error.message
    filtered = {one.column for one in found.filters if one.operator == "equals"}
    twice = [name for name in NAMED_COLUMNS if given.get(name) and name in filtered]
    return ("filters", f"{twice[0]} is given twice.") if twice else ("", "")


def named_in_words(matcher: Matcher) -> str:
    """ "paid", "paid or refunded"; empty where events of any name may match."""
    if matcher.any_of and matcher.is_only_names:
        return " or ".join(one.label for one in matcher.any_of)
    given = (matcher.event_type, matcher.event_name, matcher.event_category)
    return " ".join(text for text in given if text)


def alternatives_in_words(matcher: Matcher) -> list[str]:
    """What has to hold beside names and filters, one for each."""
    return [] if matcher.is_only_names else _alternatives(matcher)


def tests_in_words(matcher: Matcher) -> list[str]:
    """All that has to hold, one for each: `event_type is click`, `(paid or refunded)`."""
    return [*map(filter_in_words, (*matcher.named, *matcher.filters)), *_alternatives(matcher)]


def _alternatives(matcher: Matcher) -> list[str]:
    return [f"({' or '.join(map(in_words, matcher.any_of))})"] if matcher.any_of else []


def events_in_words(matcher: Matcher) -> str:
    """ "paid events where properties.amount is more than 10", "all events"."""
    tests = [*map(filter_in_words, matcher.filters), *alternatives_in_words(matcher)]
    name = named_in_words(matcher)
    if not tests:
        return f"{name or 'all'} events"
    return f"{f'{name} events'.strip()} where {' and '.join(tests)}"
