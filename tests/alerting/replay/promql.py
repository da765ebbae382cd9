"""Prometheus' alerting rules as rules of this platform, as far as they are of a kind that it has."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

from alerting.replay.notation import parse_duration

LOOK_BACK_MINUTES = 5
"""How long an instant selector finds a sample, by default."""

_CLOSED_SECONDS = 0.001
_NAME = r"[a-zA-Z_:][\w:]*"
_SELECTOR = rf"(?P<name>{_NAME})\s*(?:\{{(?P<matchers>[^{{}}]*)\}})?"
_LIMIT = r"(?P<operator>[<>]=?|[=!]=)\s*(?P<threshold>-?[\d.]+(?:e\d+)?)"
_BY = r"(?:by\s*\((?P<{0}>[^()]*)\))?"
_FUNCTION = r"(?P<function>rate|increase|(?:avg|min|max|sum|count|last)_over_time)"
_WINDOWED = rf"{_FUNCTION}\(\s*{_SELECTOR}\s*\[(?P<range>\w+)\]\s*\)"
_MATCHER = re.compile(
    r"""\s*(?P<label>\w+)\s*(?P<sign>=~|!~|!=|=)\s*(?P<quote>["'])(?P<text>.*?)(?P=quote)\s*,?"""
)
_LITERALS = re.compile(r"[\w -]+(?:\|[\w -]+)*")

_INSTANT_RULE = re.compile(rf"{_SELECTOR}\s*{_LIMIT}")
_ABSENT_RULE = re.compile(rf"absent\(\s*{_SELECTOR}\s*\)")
_WINDOW_RULE = re.compile(rf"{_WINDOWED}\s*{_LIMIT}")
_AGGREGATE = (
    rf"(?P<aggregation>sum|min|max|avg|count)\s*{_BY.format('before')}"
    rf"\s*\(\s*{_SELECTOR}\s*\)\s*{_BY.format('after')}"
)
_AGGREGATE_RULE = re.compile(rf"{_AGGREGATE}\s*{_LIMIT}")
_SIDES = r"(?P<part>[^/]+?)\s*/\s*(?P<whole>[^/]+?)"
_RATIO_RULE = re.compile(rf"\(\s*{_SIDES}\s*\)\s*(?P<percent>\*\s*100)?\s*{_LIMIT}")
_BARE_RATIO_RULE = re.compile(rf"{_SIDES}\s*(?P<percent>\*\s*100)?\s*{_LIMIT}")
_ANY_COUNT = 1e-9
"""PromQL's ratios know no least count."""
_SUM_OF_RATES_RULE = re.compile(rf"sum\s*{_BY.format('before')}\s*\(\s*{_WINDOWED}\s*\)\s*{_LIMIT}")

CONSTANT = "a constant: nothing is watched"
TIME = "the current time as a value (`time()`)"
QUANTILE = "a quantile over series by `le`: here histograms are points with a distribution"
SET_OPERATIONS = "set operations between vectors (`and`, `or`, `unless`)"
VECTOR_MATCHING = "two vectors matched by labels (`on`, `ignoring`)"
MATCHERS = "matchers other than equality (`!=`, `=~` and `!~` with more than words)"
WITHOUT = "grouping by all labels but some (`without`)"
ARITHMETIC = "arithmetic or comparison between metrics, beyond one ratio"

_REASONS = (
    (r"\d+$", CONSTANT),
    (r".*\btime\(\)", TIME),
    (r".*\bhistogram_quantile\(", QUANTILE),
    (r".*\b(and|or|unless)\b", SET_OPERATIONS),
    (r".*\b(on|ignoring)\s*\(", VECTOR_MATCHING),
    (r".*(=~|!~|!=\s*[\"'])", MATCHERS),
    (r".*\bwithout\s*\(", WITHOUT),
    (r".*[-+*/]|.*\}\s*[<!]", ARITHMETIC),
)
"""The first that fits is the reason."""


class NotMapped(Exception):
    """An expression that no rule type can say, and why."""


def rules_of(name: str, rule: Mapping[str, Any], interval: str) -> list[dict[str, Any]]:
    """One rule, or several of the same name where a matcher names several words. Raises NotMapped."""
    text = " ".join(re.sub(r"#[^\n]*", "", str(rule["expr"])).split())
    rule_type, conditions = _translated(text, interval)
    return [
        {
            "name": name,
            "rule_type": rule_type,
            "source_type": "system_metric",
            "condition_config": condition,
            "for_seconds": round(parse_duration(rule.get("for") or "0")),
            "keep_firing_for_seconds": round(parse_duration(rule.get("keep_firing_for") or "0")),
            "no_data": "ok",
        }
        for condition in conditions
    ]


def _translated(text: str, interval: str) -> tuple[str, list[dict[str, Any]]]:
    """A rule type and its conditions."""
    if absent := _ABSENT_RULE.fullmatch(text):
        return "absence", _absences(absent)
    if conditions := _thresholds(text, interval):
        return "metric_threshold", conditions
    ratio = _RATIO_RULE.fullmatch(text) or _BARE_RATIO_RULE.fullmatch(text)
    if ratio and (conditions := _ratios(ratio, interval)):
        return "ratio", conditions
    raise NotMapped(_reason(text))


def _absences(found: re.Match[str]) -> list[dict[str, Any]]:
    choices = _filters(found["matchers"] or "")
    if len(choices) > 1:
        raise NotMapped("an absence of several values at once")
    return [
        {
            "metric": found["name"],
            "time_window_minutes": LOOK_BACK_MINUTES,
            "filters": filters,
        }
        for filters in choices
    ]


def _ratios(found: re.Match[str], interval: str) -> list[dict[str, Any]]:
    """One vector by another; both are looked for under the same operator, whose threshold alone is theirs."""
    limit = f" {found['operator']} {found['threshold']}"
    parts, wholes = (_operands(found[side] + limit, interval) for side in ("part", "whole"))
    if len(parts) != 1 or len(wholes) != 1:
        return []
    (part,), (whole,) = parts, wholes
    if any(part[name] != whole[name] for name in ("aggregation", "group_by", "time_window_minutes")):
        return []
    threshold = float(found["threshold"]) / (100 if found["percent"] else 1)
    kept = ("operator", "aggregation", "group_by", "time_window_minutes")
    return [
        {
            **{name: part[name] for name in kept},
            "numerator": {"metric": part["metric"], **part["filters"]},
            "denominator": {"metric": whole["metric"], **whole["filters"]},
            "threshold": threshold,
            "minimum_count": _ANY_COUNT,
        }
    ]


def _operands(text: str, interval: str) -> list[dict[str, Any]]:
    """One side of a ratio; an instant vector as sums over one interval, which hold one sample of each series."""
    if found := _INSTANT_RULE.fullmatch(text):
        return _over(found, "sum", parse_duration(interval) / 60, ["*"])
    return _thresholds(text, interval)


def _thresholds(text: str, interval: str) -> list[dict[str, Any]]:
    if found := _INSTANT_RULE.fullmatch(text):
        return _over(found, "last", LOOK_BACK_MINUTES, ["*"])
    if found := _WINDOW_RULE.fullmatch(text):
        return _windowed(found, ["*"])
    if (found := _SUM_OF_RATES_RULE.fullmatch(text)) and found["function"] in {"rate", "increase"}:
        return _windowed(found, _names(found["before"]))
    if found := _AGGREGATE_RULE.fullmatch(text):
        # A window of one interval holds one sample of each series: the same as an instant vector without gaps.
        minutes = parse_duration(interval) / 60
        return _over(found, found["aggregation"], minutes, _names(found["before"] or found["after"]))
    return []


def _windowed(found: re.Match[str], group_by: list[str]) -> list[dict[str, Any]]:
    """Prometheus 2, for which most rules were written, has both ends of a range inside; here the first is outside."""
    function, seconds = found["function"], parse_duration(found["range"])
    threshold = float(found["threshold"])
    if function == "increase":
        function, threshold = "rate", threshold / seconds
    aggregation = function.removesuffix("_over_time")
    return [
        {**one, "threshold": threshold}
        for one in _over(found, aggregation, (seconds + _CLOSED_SECONDS) / 60, group_by)
    ]


def _over(
    found: re.Match[str], aggregation: str, minutes: float, group_by: list[str]
) -> list[dict[str, Any]]:
    return [
        {
            "metric": found["name"],
            "operator": found["operator"],
            "threshold": float(found["threshold"]),
            "aggregation": aggregation,
            "time_window_minutes": minutes,
            "group_by": group_by,
            "filters": filters,
        }
        for filters in _filters(found["matchers"] or "")
    ]


def _filters(matchers: str) -> list[dict[str, str]]:
    """Every way to meet the matchers by equality: `=~"a|b"` is a or b."""
    choices: list[list[tuple[str, str]]] = []
    for matcher in _MATCHER.finditer(matchers):
        is_words = matcher["sign"] == "=~" and _LITERALS.fullmatch(matcher["text"])
        if matcher["sign"] != "=" and not is_words:
            raise NotMapped(MATCHERS)
        texts = matcher["text"].split("|") if is_words else [matcher["text"]]
        choices.append([(matcher["label"], text) for text in texts])
    return [dict(filters) for filters in product(*choices)]


def _names(text: str | None) -> list[str]:
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def _reason(text: str) -> str:
    return next(
        (reason for pattern, reason in _REASONS if re.match(pattern, text)), "an expression of another kind"
    )
