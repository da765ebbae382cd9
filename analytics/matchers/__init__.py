"""Which events count: name, type, category and filters, with alternatives. One matcher for all of analytics.

A matcher is read from JSON (`parse`), asked of the database (`condition`) and asked of one event (`matches`); the last
two say the same of every event.
"""

from __future__ import annotations

from analytics.matchers.conditions import condition
from analytics.matchers.matcher import Filter, Matcher, Operator
from analytics.matchers.matching import matches
from analytics.matchers.parsing import MatcherError, as_json, parse
from analytics.matchers.words import in_words, place_in_words

__all__ = [
    "Filter",
    "Matcher",
    "MatcherError",
    "Operator",
    "as_json",
    "condition",
    "in_words",
    "matches",
    "parse",
    "place_in_words",
]
