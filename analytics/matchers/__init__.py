"""Which events count: name, type, category and filters, with alternatives. One matcher for all of analytics.

A matcher is read from JSON (`parse`), asked of the database (`condition`) and asked of one event (`matches`); the last
two say the same of every event.
"""

from __future__ import annotations

from analytics.matchers.conditions import condition, holds_in_row
from analytics.matchers.matcher import EVERY_EVENT, NAMED_COLUMNS, Filter, Matcher, Operator
from analytics.matchers.matching import is_met, matches
from analytics.matchers.parsing import MATCHER_KEYS, MatcherError, as_json, parse, size_error
from analytics.matchers.words import filter_in_words, in_words, place_in_words

__all__ = [
    "EVERY_EVENT",
    "MATCHER_KEYS",
    "NAMED_COLUMNS",
    "Filter",
    "Matcher",
    "MatcherError",
    "Operator",
    "as_json",
    "condition",
    "filter_in_words",
    "holds_in_row",
    "in_words",
    "is_met",
    "matches",
    "parse",
    "place_in_words",
    "size_error",
]
